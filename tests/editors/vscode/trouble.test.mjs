// What goes wrong, in the real workbench: crashes, endpoints, settings, trust, windows that close.
import assert from "node:assert";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { FILES, scene } from "./fixture.mjs";
import { sleep } from "./model.mjs";
import { choose, openFile, openFolder, palette, processes, shot, shown, startWorkbench, temporary, toast, type, until, write, launchBrowser } from "./workbench.mjs";
import { packaged } from "./fixture.mjs";

async function run(page, prompt) {
  await palette(page, "Inhouse: Run Agent…");
  await choose(page, "Reviewer");
  await type(page, prompt);
}

const serversOf = (s) => processes(process.env.INHOUSE_SERVER ? "vsc-serve" : "inhouse lsp").filter((pid) => { try { return fs.readFileSync(`/proc/${pid}/environ`, "utf8").includes(s.workbench.data); } catch { return false; } });

test("a crash in mid-run is told, what was said is kept, and the server starts again by itself [matrix: crash = told; starts again by itself]", { timeout: 180000 }, async () => {
  const s = await scene();
  try {
    s.model.state.play = async (answer) => { answer.say("Half an answer"); while (!answer.gone) { await sleep(50); } };
    await run(s.page, "Go on");
    await until(async () => (await shown(s.page)).includes("Half an answer"), "text");
    const before = serversOf(s);
    assert.strictEqual(before.length, 1);
    process.kill(before[0], "SIGKILL");
    await toast(s.page, "stopped unexpectedly; it starts again in 1 s").waitFor();
    await shot(s.page, "crash");
    await until(() => s.model.state.open === 0, "the model's connection to be closed");
    assert.match(await shown(s.page), /Half an answer/);
    await until(() => serversOf(s).some((pid) => !before.includes(pid)), "a new server");
    s.model.state.play = async (answer) => { answer.say("A whole answer"); };
    await run(s.page, "Again");
    await until(async () => (await shown(s.page)).includes("A whole answer"), "a run on the new server");
  } finally { await s.close(); }
});

test("a window that closes in mid-run leaves no process and no connection", { timeout: 180000 }, async () => {
  const s = await scene();
  try {
    s.model.state.play = async (answer) => { answer.say("On and on"); while (!answer.gone) { await sleep(50); } };
    await run(s.page, "Go on");
    await until(() => s.model.state.open === 1, "the run");
    const [pid] = serversOf(s);
    assert.ok(pid);
    await s.workbench.stop();
    await until(() => s.model.state.open === 0, "the connection to be closed", 10000);
    await until(() => !fs.existsSync(`/proc/${pid}`), "the server to be gone", 10000);
  } finally { await s.close(); }
});

test("settings change without a restart, and a broken one is told while the others count", { timeout: 180000 }, async () => {
  const s = await scene();
  try {
    s.model.state.play = async (answer) => { answer.say("From the model."); };
    await run(s.page, "One");
    await until(async () => (await shown(s.page)).includes("From the model."), "a run");
    const [server] = serversOf(s);
    write(s.workspace, { ".vscode/settings.json": JSON.stringify({ "inhouse.maxSteps": "many", "inhouse.defaultEndpoint": "elsewhere" }) });
    await openFile(s.page, ".vscode", "settings.json");
    await palette(s.page, "View: Focus Problems");
    await s.page.locator(".markers-panel").getByText("Incorrect type").first().waitFor({ timeout: 20000 });
    await s.page.locator(".markers-panel").getByText("elsewhere").first().waitFor({ timeout: 20000 });
    await shot(s.page, "broken-settings");
    write(s.workspace, { ".vscode/settings.json": JSON.stringify({ "inhouse.defaultEndpoint": "local" }) });
    await until(async () => {
      await palette(s.page, "Inhouse: Run Agent…");
      const place = await s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Reviewer" }).innerText({ timeout: 10000 });
      await s.page.keyboard.press("Escape");
      return place.includes("local: local");
    }, "the setting to count");
    assert.deepStrictEqual(serversOf(s), [server]);
  } finally { await s.close(); }
});

test("an untrusted workspace names no endpoint and its agents do not run until it is trusted", { timeout: 180000 }, async () => {
  const s = await scene({
    trust: true,
    files: { ...FILES, ".vscode/settings.json": JSON.stringify({ "inhouse.endpoints": { evil: { baseUrl: "http://127.0.0.1:1/v1" } }, "inhouse.defaultEndpoint": "evil" }) },
  });
  try {
    await palette(s.page, "Inhouse: Run Agent…");
    const row = s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: /reviewer/i });
    await row.waitFor({ timeout: 60000 });
    await shot(s.page, "untrusted");
    assert.doesNotMatch(await row.innerText(), /evil/);
    await row.click();
    await type(s.page, "Do something");
    await until(async () => (await s.page.locator(".notification-toast").filter({ hasText: /trust/i }).count()) > 0, "a word about trust");
    await shot(s.page, "untrusted-run");
    assert.strictEqual(s.model.requests.length, 0);
  } finally { await s.close(); }
});

test("a server that crashes at start is told, and nothing is restarted without end", { timeout: 120000 }, async () => {
  const folder = temporary("inhouse-crash-");
  write(folder, { "crash.sh": `#!/bin/sh\necho x >> ${folder}/starts\necho broken on purpose >&2\nexit 3\n` });
  const workbench = await startWorkbench({ vsix: packaged(), machine: { "inhouse.serverCommand": ["/bin/sh", path.join(folder, "crash.sh")] } });
  const browser = await launchBrowser();
  try {
    const page = await openFolder(browser, workbench, write(temporary("inhouse-ws-"), FILES));
    await toast(page, "stopped while it was starting; the log says why").waitFor({ timeout: 60000 });
    await shot(page, "crash-at-start");
    await sleep(3000);
    assert.strictEqual(fs.readFileSync(path.join(folder, "starts"), "utf8"), "x\n");
    await toast(page, "stopped while").getByRole("button", { name: "Show Log" }).click();
    await page.getByRole("tab", { name: /^Output/, selected: true }).waitFor(); // Its text needs a native library that this workbench is installed without.
  } finally { await browser.close(); await workbench.stop(); }
});
