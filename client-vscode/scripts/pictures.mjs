// Copy the pictures of the README, light and dark, from those that the tests made: INHOUSE_SCREENS=dark node --test tests/editors/vscode, then npm run pictures.
import fs from "node:fs";
import path from "node:path";

const here = path.resolve(import.meta.dirname, "..");
const pictures = { chat: "chat-approval", picker: "picker", prompt: "prompt-box", run: "waiting", home: "home-changes", review: "review-all" };
for (const [name, made] of Object.entries(pictures)) {
  for (const theme of ["", "-dark"]) {
    fs.copyFileSync(path.join(here, "../tests/editors/screenshots", `vscode-${made}${theme}.png`), path.join(here, "media", `${name}${theme}.png`));
  }
}
