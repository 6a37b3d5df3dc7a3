// Copy the pictures of the README from those that the tests made: npm run pictures.
import fs from "node:fs";
import path from "node:path";

const here = path.resolve(import.meta.dirname, "..");
for (const name of ["picker", "inline", "proposal", "diff"]) {
  fs.copyFileSync(path.join(here, "../tests/editors/screenshots", `vscode-${name}.png`), path.join(here, "media", `${name}.png`));
}
