// A real VS Code workbench (code-server) on 127.0.0.1, driven by headless Chromium.
// What is needed is installed by scripts/setup-editors vscode and npm ci in client-vscode.
import { spawn, execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname, "../../..");
export const CLIENT = path.join(ROOT, "client-vscode");
export const SCREENSHOTS = path.join(ROOT, "tests/editors/screenshots");
const { chromium } = createRequire(path.join(CLIENT, "package.json"))("playwright-core");
const EDITORS = process.env.INHOUSE_EDITORS ?? path.join(ROOT, ".editors");
const EDITOR = path.join(EDITORS, "vscode");
/** The Python that has the server of this checkout. */
export const PYTHON = process.env.INHOUSE_PYTHON ?? path.join(ROOT, ".venv/bin/python");
export const SERVER = process.env.INHOUSE_SERVER ? JSON.parse(process.env.INHOUSE_SERVER) : [PYTHON, "-m", "inhouse", "lsp"];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const freePort = () => new Promise((resolve) => { const s = net.createServer().listen(0, "127.0.0.1", () => { const { port } = s.address(); s.close(() => resolve(port)); }); });
const status = (url) => new Promise((resolve) => http.get(url, (answer) => { answer.resume(); resolve(answer.statusCode); }).on("error", () => resolve(0)));

/** Whether VS Code can write its logs: they need a library that the project's script compiles where it can. */
export const CAN_LOG = fs.existsSync(path.join(EDITOR, "lib/node_modules/code-server/lib/vscode/node_modules/@vscode/spdlog/build/Release/spdlog.node"));

const USER_SETTINGS = {
  "workbench.startupEditor": "none", "workbench.secondarySideBar.defaultVisibility": "hidden", "chat.disableAIFeatures": true,
  "security.workspace.trust.enabled": false, "telemetry.telemetryLevel": "off", "update.mode": "none", "git.enabled": false, "files.autoSave": "off",
  "extensions.autoCheckUpdates": false, "extensions.autoUpdate": false, "workbench.enableExperiments": false,
  "extensions.ignoreRecommendations": true, "workbench.tips.enabled": false, "remote.autoForwardPorts": false,
};

const temporaries = [];
process.on("exit", () => { temporaries.forEach((folder) => { fs.rmSync(folder, { recursive: true, force: true }); }); });

/** A folder that is gone when the test process ends. */
export function temporary(prefix) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
  temporaries.push(folder);
  return folder;
}

/** Write files below a folder: {"a/b.txt": "text"}. */
export function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** Settings of scope machine are read from Machine/settings.json: to VS Code this is a remote window. */
export async function startWorkbench({ vsix, settings = {}, machine = {}, env = {}, keys = [], trust = false, tests = false, stock = false, log, data = temporary("inhouse-vscode-") } = {}) {
  write(data, {
    "User/settings.json": JSON.stringify({ ...USER_SETTINGS, "security.workspace.trust.enabled": trust, "security.workspace.trust.startupPrompt": "never", ...settings }),
    "User/keybindings.json": JSON.stringify([...keys, { key: OTHER_THEME.toLowerCase().replace("control", "ctrl"), command: "workbench.action.toggleLightDarkThemes" }]), "Machine/settings.json": JSON.stringify(machine), "ext/.keep": "", "xdg/.keep": "", "home/.keep": "",
  });
  const editor = stock ? path.join(EDITORS, "vscode-stock") : EDITOR; // With VS Code's own check of proposed APIs.
  const node = path.join(editor, "node24"), entry = path.join(editor, "lib/node_modules/code-server/out/node/entry.js");
  const apiKeys = Object.fromEntries(["OPENROUTER_API_KEY", "OPENAI_API_KEY", "CODEBUFF_API_KEY", "CODEBUFF_LOCAL_BASE_URL", "CODEBUFF_BASE_URL"].map((name) => [name, undefined]));
  const environment = { ...process.env, ...apiKeys, HOME: path.join(data, "home"), XDG_CONFIG_HOME: path.join(data, "xdg"), INHOUSE_HOME: path.join(data, "inhouse"), EXTENSIONS_GALLERY: "{}", ...env };
  const folders = ["--user-data-dir", data, "--extensions-dir", path.join(data, "ext")];
  if (vsix) {
    const each = [vsix].flat().flatMap((file) => ["--install-extension", path.resolve(file)]);
    execFileSync(node, [entry, ...folders, ...each, "--force"], { env: environment, stdio: "pipe" });
  }
  const port = await freePort(), printed = path.join(data, "code-server.log"), output = fs.openSync(printed, "w");
  const child = spawn(node, [entry, "--auth", "none", "--bind-addr", `127.0.0.1:${port}`, ...folders, "--disable-telemetry", "--disable-update-check",
    ...(trust ? [] : ["--disable-workspace-trust"]), "--disable-getting-started-override", ...(tests ? ["--vscode-option", "enable-smoke-test-driver"] : []), ...(log ? ["--log", log] : [])],
    { stdio: ["ignore", output, output], detached: true, env: environment }); // A group of its own: the extension host outlives a SIGTERM to its parent.
  for (let i = 0; (await status(`http://127.0.0.1:${port}/healthz`)) !== 200; i++) {
    if (i > 600 || child.exitCode !== null) {
      throw new Error(`code-server: ${fs.readFileSync(printed, "utf8")}`);
    }
    await sleep(100);
  }
  const stop = async () => {
    for (const [signal, wait] of [["SIGTERM", 1500], ["SIGKILL", 200]]) {
      try { process.kill(-child.pid, signal); } catch { break; }
      await Promise.race([new Promise((resolve) => child.once("exit", resolve)), sleep(wait)]);
      await sleep(200);
    }
  };
  const url = (folder, payload) => `http://127.0.0.1:${port}/?${folder.endsWith(".code-workspace") ? "workspace" : "folder"}=${folder}${payload ? `&payload=${encodeURIComponent(JSON.stringify(payload))}` : ""}`;
  return { port, data, stop, url, pid: child.pid, setMachine: (value) => write(data, { "Machine/settings.json": JSON.stringify(value) }) };
}

export const launchBrowser = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });

const localOnly = (page) => page.route((url) => url.protocol.startsWith("http") && url.hostname !== "127.0.0.1", (route) => route.abort());

export async function openFolder(browser, workbench, folder) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(60000); // A limit for what never comes: a busy machine takes its time.
  await localOnly(page);
  await page.goto(workbench.url(folder));
  await page.locator(".explorer-folders-view .monaco-list-row").first().waitFor({ timeout: 60000 });
  return page;
}

/** Run a command by its title, as a user does. */
export async function palette(page, title) {
  const input = page.locator(".quick-input-widget input").first();
  for (let attempt = 0; ; attempt++) { // A list that is open does not learn of commands that come later.
    try {
      await page.keyboard.press("F1");
      await input.fill(`>${title}`, { timeout: 5000 }); // What closes just then may close this list.
      await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: title }).first().waitFor({ timeout: 8000 });
      break;
    } catch (error) {
      if (attempt > 6) { throw error; }
      await page.keyboard.press("Escape");
    }
  }
  await page.keyboard.press("Enter");
}

/** Choose in the quick pick that is open. */
export async function choose(page, text) {
  const row = page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first();
  await row.waitFor({ timeout: 60000 });
  await row.click();
}

/** Open the picker of agents; gives its rows, which come a moment after the command. */
export async function agents(page) {
  await palette(page, "Inhouse: Run Agent…");
  await page.locator(".quick-input-widget").filter({ hasText: "Run an agent" }).waitFor({ timeout: 60000 });
  const rows = page.locator(".quick-input-list .monaco-list-row");
  await rows.first().waitFor({ timeout: 60000 });
  return rows.allInnerTexts();
}

/** Answer the input box that is open. */
export async function type(page, text, title) {
  const widget = page.locator(".quick-input-widget").filter({ hasText: title ?? "" });
  await widget.locator("input").first().waitFor({ timeout: 60000 });
  await widget.locator("input").first().fill(text);
  await page.keyboard.press("Enter");
}

/** Type a prompt into its box, which comes a moment after the list of agents has gone, and send it. */
export async function prompt(page, text) {
  const box = page.locator('.quick-input-widget input[placeholder="What do you want?"]');
  await box.waitFor({ timeout: 60000 });
  await box.fill(text);
  await page.keyboard.press("Enter");
}

/** Close all editors; what is not saved is lost. */
export async function closeAll(page) {
  await palette(page, "View: Close All Editors");
  const loss = page.getByRole("button", { name: "Don't Save" });
  await until(async () => (await page.locator(".tabs-container .tab").count()) === 0 || (await loss.isVisible() && (await loss.click(), false)), "no editor");
}

/** Choose in the context menu of something; a menu takes no click in its first moment. */
export async function menu(target, name, look = async () => undefined) {
  await target.click({ button: "right" });
  const item = target.page().locator(".monaco-menu .action-label").filter({ hasText: name });
  await item.hover();
  await sleep(500);
  await look();
  await item.click();
}

export async function openFile(page, ...names) {
  for (const name of names.slice(0, -1)) {
    const folder = page.getByRole("treeitem", { name, exact: true }).first();
    if ((await folder.getAttribute("aria-expanded")) !== "true") {
      await folder.click();
      await page.mouse.move(640, 400); // What the folder's hover tells would lie over the file.
    }
  }
  await page.getByRole("treeitem", { name: names.at(-1), exact: true }).first().dblclick();
  await page.locator(".tab.active").filter({ hasText: names.at(-1) }).waitFor();
}

export const toast = (page, text) => page.locator(".notification-toast").filter({ hasText: text }).first();
export const lens = (page, text) => page.locator(".codelens-decoration a").filter({ hasText: text }).first();
/** The text of the editors on the screen, line by line. */
export const shown = (page) => page.locator(".view-lines").evaluateAll((all) => all.map((each) => each.innerText.replace(/\u00a0/g, " ")).join("\n"));

/** The text of the first group of editors, where the user's own file is. */
export const file = (page) => page.locator(".editor-group-container").first().locator(".view-lines").last().innerText().then((text) => text.replace(/\u00a0/g, " "));
/** What decorations write behind the text, which is no text of the document. */
export const decorations = (page) => page.locator(".view-line span[class*='ced-']").evaluateAll((all) => all.map((each) => getComputedStyle(each, "::after").content).join("\n"));

/** A picture; with INHOUSE_SCREENS=dark also one in the dark theme, for the README. */
export async function shot(page, name) {
  fs.mkdirSync(SCREENSHOTS, { recursive: true });
  await sleep(400); // What fades in has arrived.
  await page.screenshot({ path: path.join(SCREENSHOTS, `vscode-${name}.png`) });
  if (process.env.INHOUSE_SCREENS === "dark") {
    await page.keyboard.press(OTHER_THEME);
    await sleep(1500);
    await page.screenshot({ path: path.join(SCREENSHOTS, `vscode-${name}-dark.png`) });
    await page.keyboard.press(OTHER_THEME);
    await sleep(1500);
  }
}

const OTHER_THEME = "Control+Alt+Shift+F9";

export async function until(check, what, timeout = 60000) {
  for (const end = Date.now() + timeout; ;) {
    const value = await check();
    if (value) { return value; }
    if (Date.now() > end) { throw new Error(`did not happen within ${timeout / 1000} s: ${what}`); }
    await sleep(50);
  }
}

/** The processes whose command line holds a text. */
export function processes(text) {
  return fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try { return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").includes(text) && fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1][0] !== "Z"; } catch { return false; }
  }).map(Number);
}

/** Tests inside the real extension host: `index` exports run().  Gives the exit code. */
export async function runInExtensionHost({ extension, index, folder, timeout = 150000, ...options }) {
  const workbench = await startWorkbench({ ...options, tests: true }), browser = await launchBrowser();
  try {
    const page = await browser.newPage(), remote = `vscode-remote://127.0.0.1:${workbench.port}`;
    await localOnly(page);
    const exit = new Promise((resolve) => page.exposeFunction("codeAutomationExit", (code) => resolve(code)));
    const noise = /gallery|socket|connection token|grace-time|AccountPolicy|AgentHost|Service Worker|builtin extensions cache|bindings|spdlog|native-watchdog/i;
    await page.exposeFunction("codeAutomationLog", (kind, args) => { if (!noise.test(JSON.stringify(args))) { console[kind]?.(...args); } });
    await page.goto(workbench.url(folder, [["extensionDevelopmentPath", remote + extension], ["extensionTestsPath", remote + index], ["skipWelcome", "true"]]));
    return await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, timeout, "timeout").unref())]);
  } finally {
    await browser.close();
    await workbench.stop();
  }
}
