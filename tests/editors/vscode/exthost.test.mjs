// The suites of client-vscode/test, inside the real extension host with the real vscode API.
import assert from "node:assert";
import { test } from "node:test";
import { CLIENT, SERVER, runInExtensionHost, temporary, write } from "./workbench.mjs";

test("the suites in the extension host", { timeout: 240000 }, async () => {
  const folder = write(temporary("inhouse-ws-"), { "a.py": "def twice(x):\n    return x + x\n" });
  const code = await runInExtensionHost({ extension: CLIENT, index: `${CLIENT}/out/test/index.js`, folder, machine: { "inhouse.serverCommand": SERVER } });
  assert.strictEqual(code, 0);
});
