// The first start of the packaged extension, as on a machine that has only Python; and without one.
import assert from "node:assert";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { before, test } from "node:test";
import { FILES, NO_LOG, logOf } from "./fixture.mjs";
import { startModel } from "./model.mjs";
import { CLIENT, choose, launchBrowser, openFolder, palette, shot, shown, startWorkbench, temporary, toast, until, write, prompt } from "./workbench.mjs";

const VSIX = path.join(temporary("inhouse-vsix-"), "inhouse.vsix");

before(() => {
  execFileSync("npm", ["run", "--silent", "package", "--", "--out", VSIX], { cwd: CLIENT, stdio: "pipe" });
}, { timeout: 240000 });

async function inWorkbench(options, work) {
  const workbench = await startWorkbench({ vsix: VSIX, ...options });
  const browser = await launchBrowser();
  try {
    const folder = write(temporary("inhouse-ws-"), FILES);
    await work(await openFolder(browser, workbench, folder), workbench);
  } finally {
    await browser.close();
    await workbench.stop();
  }
}

/** VS Code asks the login shell for the PATH: a home whose shell says this one. */
function onlyPath(folder) {
  const data = temporary("inhouse-vscode-");
  for (const name of [".profile", ".bash_profile", ".bashrc"]) {
    write(data, { [`home/${name}`]: `PATH=${folder}; export PATH\n` });
  }
  return { data, env: { PATH: folder, SHELL: "/bin/sh" } };
}

/** A folder for the PATH with the few commands that the workbench itself needs, and a Python of the test's. */
function pathWith(python) {
  const folder = temporary("inhouse-path-");
  for (const name of ["sh", "bash", "env", "uname", "ps", "cat", "sed", "which"]) {
    const found = ["/bin", "/usr/bin"].map((each) => path.join(each, name)).find((each) => fs.existsSync(each));
    if (found) { fs.symlinkSync(found, path.join(folder, name)); }
  }
  if (python) { fs.writeFileSync(path.join(folder, "python3"), python, { mode: 0o755 }); }
  return folder;
}

test("the package is smaller than 5 MB and holds the server", () => {
  assert.ok(fs.statSync(VSIX).size < 5e6, `${fs.statSync(VSIX).size} bytes`);
  assert.match(execFileSync("python3", ["-m", "zipfile", "-l", VSIX], { encoding: "utf8" }), /extension\/server\/inhouse-.*\.whl/);
});

test("with nothing but Python it installs its server with progress, runs an agent, and the next window starts at once", { timeout: 400000 }, async () => {
  const model = await startModel(async (answer) => { answer.say("Hello from the first start."); });
  try {
    await inWorkbench({ settings: { "inhouse.endpoints": { local: { baseUrl: model.url } }, "inhouse.defaultEndpoint": "local" } }, async (page, workbench) => {
      await toast(page, "Inhouse, first start").waitFor({ timeout: 90000 });
      await shot(page, "first-start");
      await toast(page, "Inhouse, first start").waitFor({ state: "detached", timeout: 240000 });
      await palette(page, "Inhouse: Run Agent…");
      await choose(page, "Reviewer");
      await prompt(page, "Hello");
      await until(async () => (await shown(page)).includes("Hello from the first start."), "the answer");
      const storage = path.join(workbench.data, "User/globalStorage/inhouse.inhouse");
      assert.deepStrictEqual(fs.readdirSync(storage).map((name) => name.split("-")[0]), ["server"]);
      const before = fs.statSync(path.join(storage, fs.readdirSync(storage)[0], "ready")).mtimeMs;
      await page.reload();
      await page.locator(".explorer-folders-view .monaco-list-row").first().waitFor({ timeout: 60000 });
      await palette(page, "Inhouse: Run Agent…");
      await choose(page, "Reviewer");
      await page.keyboard.press("Escape");
      assert.strictEqual(await toast(page, "first start").count(), 0);
      assert.strictEqual(fs.statSync(path.join(storage, fs.readdirSync(storage)[0], "ready")).mtimeMs, before);
    });
  } finally { await model.stop(); }
});

test("without Python it says which one is needed and offers to choose one", { timeout: 240000 }, async () => {
  await inWorkbench(onlyPath(pathWith()), async (page) => {
    const message = toast(page, "Inhouse needs Python 3.11 or newer.");
    await message.waitFor({ timeout: 60000 });
    for (const way of ["Choose Python…", "Retry", "Show Log"]) {
      await message.getByRole("button", { name: way }).waitFor();
    }
    await shot(page, "no-python");
  });
});

test("a Python that is too old is named", { timeout: 240000 }, async () => {
  await inWorkbench(onlyPath(pathWith("#!/bin/sh\necho /opt/python3.9/bin/python3\necho 3.9.2\n")), async (page) => {
    await toast(page, "Found only: /opt/python3.9/bin/python3 (3.9.2).").waitFor({ timeout: 60000 });
    await shot(page, "old-python");
  });
});

test("without a network it says so, leaves nothing half done, and Retry tries again", { timeout: 300000 }, async () => {
  const env = { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_CONFIG_FILE: os.devNull, PIP_FIND_LINKS: "", PIP_NO_CACHE_DIR: "1" };
  await inWorkbench({ env }, async (page, workbench) => {
    const message = toast(page, "there is no network");
    await message.waitFor({ timeout: 240000 });
    await shot(page, "no-network");
    assert.deepStrictEqual(fs.readdirSync(path.join(workbench.data, "User/globalStorage/inhouse.inhouse")), []);
    await message.getByRole("button", { name: "Retry" }).click();
    await toast(page, "Inhouse, first start").waitFor({ timeout: 60000 });
  });
});

/** The Python extension itself is not to be had here: one of its name that exports its documented API (npm: @vscode/python-extension). */
function pythonExtension(interpreter) {
  const folder = write(temporary("inhouse-python-"), {
    "package.json": JSON.stringify({ name: "python", publisher: "ms-python", version: "2026.1.0", engines: { vscode: "^1.91.0" }, main: "./main.js", activationEvents: [], license: "MIT" }),
    "README.md": "A stand-in for tests.",
    "main.js": `const { Uri } = require("vscode");
      exports.activate = () => ({ environments: {
        getActiveEnvironmentPath: () => ({ id: "chosen", path: "/a/folder/of/an/environment" }),
        resolveEnvironment: async ({ id }) => id === "chosen" ? { id, executable: { uri: Uri.file(${JSON.stringify(interpreter)}) } } : undefined,
      } });`,
  });
  const out = path.join(folder, "python.vsix");
  execFileSync(path.join(CLIENT, "node_modules/.bin/vsce"), ["package", "--no-dependencies", "--allow-missing-repository", "--skip-license", "--out", out], { cwd: folder, stdio: "pipe" });
  return out;
}

test("the interpreter of the Python extension is found where the PATH has none", { timeout: 300000, skip: NO_LOG }, async () => {
  const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
  await inWorkbench({ ...onlyPath(pathWith()), vsix: [VSIX, pythonExtension(python)] }, async (page, workbench) => {
    await toast(page, "Inhouse, first start").waitFor({ timeout: 90000 });
    await until(() => logOf({ workbench }).includes("(the Python extension)"), "the log to name it");
    assert.match(logOf({ workbench }), new RegExp(`Python 3[.\\d]+: .*${path.basename(python)}.* \\(the Python extension\\)`));
  });
});
