// A workspace with agents, and a workbench with the extension in it, for the tests of one file.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { startModel } from "./model.mjs";
import { CAN_LOG, CLIENT, SERVER, choose, launchBrowser, openFolder, palette, prompt, shot, startWorkbench, temporary, write } from "./workbench.mjs";

const agent = (id, purpose, tools, more = "") => `export default {
  id: "${id}",
  displayName: "${id[0].toUpperCase()}${id.slice(1)}",
  model: "test-model",
  spawnerPrompt: "${purpose}",
  toolNames: ${JSON.stringify(tools)},
  instructionsPrompt: "Do what the user asks.",${more}
};
`;

export const FILES = {
  ".agents/reviewer.ts": agent("reviewer", "Reads code and says what is wrong with it", ["read_files", "list_directory", "end_turn"]),
  ".agents/fixer.ts": agent("fixer", "Mends what you point it at", ["read_files", "str_replace", "write_file", "apply_patch", "run_terminal_command", "ask_user", "end_turn"]),
  ".agents/broken.ts": "export default {\n  id: \"broken\",\n  displayName: \"Broken\",\n  model: 42,\n};\n",
  "app.py": "def total(prices):\n    result = 0\n    for price in prices:\n        result = result + price\n    return result\n\n\ndef mean(prices):\n    return total(prices) / len(prices)\n\n\ndef largest(prices):\n    best = prices[0]\n    for price in prices:\n        if price > best:\n            best = price\n    return best\n",
  "notes.md": "# Notes\n\nNothing yet.\n",
};

/** The extension as the user gets it, without its server: packaged once for each state of its sources. */
export function packaged() {
  const out = path.join(CLIENT, "out", "light.vsix");
  const newest = Math.max(...["package.json", "dist/extension.js", "dist/languageclient.js", "README.md", "syntaxes/transcript.tmLanguage.json"].map((name) => fs.statSync(path.join(CLIENT, name)).mtimeMs));
  if (!fs.existsSync(out) || fs.statSync(out).mtimeMs < newest) {
    fs.mkdirSync(path.dirname(out), { recursive: true });
    fs.copyFileSync(path.join(CLIENT, "..", "LICENSE"), path.join(CLIENT, "LICENSE"));
    execFileSync(path.join(CLIENT, "node_modules/.bin/vsce"), ["package", "--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links", "--out", out], { cwd: CLIENT, stdio: "pipe" });
  }
  return out;
}

/** Everything running; `close` ends it. */
export async function scene({ files = FILES, machine = {}, ...options } = {}) {
  const model = await startModel();
  const workspace = write(path.join(temporary("inhouse-ws-"), "project"), typeof files === "function" ? files(model.url) : files);
  const settings = { "inhouse.serverCommand": SERVER, "inhouse.endpoints": { local: { baseUrl: model.url } }, "inhouse.defaultEndpoint": "local", ...(typeof machine === "function" ? machine(model.url) : machine) };
  // The machine's own settings hold what only a machine may say; the rest is the user's.
  const own = Object.fromEntries(Object.entries(settings).filter(([name]) => MACHINE.has(name)));
  const users = Object.fromEntries(Object.entries(settings).filter(([name]) => !MACHINE.has(name)));
  const workbench = await startWorkbench({ vsix: packaged(), ...options, machine: own, settings: { ...users, ...options.settings } });
  const browser = await launchBrowser();
  const page = await openFolder(browser, workbench, workspace);
  return { model, workspace, workbench, browser, page, close: async () => { await browser.close(); await workbench.stop(); await model.stop(); } };
}

const MACHINE = new Set(["inhouse.serverCommand", "inhouse.python"]);

/** What tests do in a scene: play tool calls, ask the agent Fixer, look at files. */
export const handsIn = (current) => ({
  /** Play tool calls, one a turn, then a last word. */
  script(...calls) {
    let turn = 0;
    current().model.state.play = async (answer) => {
      const call = calls[turn++];
      if (call) { answer.call(...call); } else { answer.say("That is all."); }
    };
  },
  async fixer(words) {
    const { page } = current();
    await palette(page, "Inhouse: Run Agent…");
    await choose(page, "Fixer");
    await prompt(page, words);
  },
  onDisk: (name) => fs.readFileSync(path.join(current().workspace, name), "utf8"),
  exists: (name) => fs.existsSync(path.join(current().workspace, name)),
});

/** `test`, which leaves a picture and the extension's log behind when it fails. */
export const testIn = (current) => (name, work, options = {}) => test(name, options, async (t) => {
  try {
    await work(t);
  } catch (error) {
    const s = current();
    if (s) {
      await shot(s.page, `failure-${name.replace(/\W+/g, "-").slice(0, 60)}`).catch(() => undefined);
      console.log(logOf(s));
    }
    throw error;
  }
});

/** The extension's own log, where this workbench can write one: scripts/setup-editors says when it cannot. */
export function logOf({ workbench }, size = 3000) {
  const logs = fs.readdirSync(path.join(workbench.data, "logs"), { recursive: true }).filter((name) => name.endsWith("Inhouse.log"));
  return logs.map((name) => fs.readFileSync(path.join(workbench.data, "logs", name), "utf8").slice(-size)).join("\n");
}

/** Why a test that reads the log is skipped; false where it is not. */
export const NO_LOG = CAN_LOG ? false : "NOT TESTED: this workbench writes no logs (no C++ compiler when scripts/setup-editors ran)";
