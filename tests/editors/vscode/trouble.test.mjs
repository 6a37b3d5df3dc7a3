// What goes wrong, in the real workbench: crashes, endpoints, settings, trust, windows that close.
import assert from "node:assert";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { FILES, handsIn, scene } from "./fixture.mjs";
import { sleep } from "./model.mjs";
import { SERVER, agents, choose, openFile, openFolder, palette, processes, shot, shown, startWorkbench, temporary, toast, until, write, launchBrowser, prompt } from "./workbench.mjs";
import { packaged } from "./fixture.mjs";

async function run(page, words) {
  await palette(page, "Inhouse: Run Agent…");
  await choose(page, "Reviewer");
  await prompt(page, words);
}

const serversOf = (s) => processes(process.env.INHOUSE_SERVER ? "vsc-serve" : "inhouse lsp").filter((pid) => { try { return fs.readFileSync(`/proc/${pid}/environ`, "utf8").includes(s.workbench.data); } catch { return false; } });

test("a crash in mid-run is told, what was said is kept, and the server starts again by itself [matrix: crash = reported; restarts by itself]", { timeout: 300000 }, async () => {
  const s = await scene();
  try {
    s.model.state.play = async (answer) => { answer.say("Half an answer"); while (!answer.gone) { await sleep(50); } };
    await run(s.page, "Go on");
    await until(async () => (await shown(s.page)).includes("Half an answer"), "text");
    const before = serversOf(s);
    assert.strictEqual(before.length, 1);
    process.kill(before[0], "SIGKILL");
    await toast(s.page, "stopped unexpectedly and restarts in 1 s").waitFor();
    await shot(s.page, "crash");
    await until(() => s.model.state.open === 0, "the model's connection to be closed");
    assert.match(await shown(s.page), /Half an answer/);
    await until(() => serversOf(s).some((pid) => !before.includes(pid)), "a new server");
    s.model.state.play = async (answer) => { answer.say("A whole answer"); };
    await run(s.page, "Again");
    await until(async () => (await shown(s.page)).includes("A whole answer"), "a run on the new server");
  } finally { await s.close(); }
});

test("a workbench that ends in mid-run leaves no process and no connection", { timeout: 300000 }, async () => {
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

test("a window that closes in mid-run leaves no process, though the workbench's own server lives on", { timeout: 300000 }, async () => {
  const s = await scene({ env: { CODE_SERVER_RECONNECTION_GRACE_TIME: "2" } }); // A remote window may come back: VS Code waits for it, three hours if nobody says less.
  try {
    s.model.state.play = async (answer) => { answer.say("On and on"); while (!answer.gone) { await sleep(50); } };
    await run(s.page, "Go on");
    await until(() => s.model.state.open === 1, "the run");
    assert.strictEqual(serversOf(s).length, 1);
    await s.page.close({ runBeforeUnload: true });
    await until(() => s.model.state.open === 0, "the connection to be closed", 30000);
    await until(() => serversOf(s).length === 0, "the server to be gone", 30000);
    assert.ok(processes(s.workbench.data).length > 0);
  } finally { await s.close(); }
});

test("a server that crashes again and again is started later each time, then stays down and says so; Retry starts it", { timeout: 240000 }, async () => {
  const s = await scene();
  try {
    const ready = async () => { await agents(s.page); await s.page.keyboard.press("Escape"); };
    const crash = async () => { const [pid] = serversOf(s); assert.ok(pid); process.kill(pid, "SIGKILL"); return Date.now(); };
    await palette(s.page, "View: Show Inhouse"); // Its lists are read again after each crash: that starts no server.
    await s.page.locator(".pane-body .monaco-list-row").filter({ hasText: "Reviewer" }).waitFor();
    await ready();
    for (const seconds of [1, 2, 4, 8, 16]) {
      const at = await crash();
      await toast(s.page, `restarts in ${seconds} s`).waitFor();
      await until(() => serversOf(s).length === 1, "a new server", 30000);
      assert.ok(Date.now() - at >= seconds * 1000 - 200, `after ${Date.now() - at} ms`);
      await ready();
      await palette(s.page, "Notifications: Clear All Notifications");
    }
    await crash();
    const end = toast(s.page, "crashed 6 times within three minutes and stays stopped");
    await end.waitFor();
    await shot(s.page, "stays-down");
    await sleep(2000);
    assert.deepStrictEqual(serversOf(s), []);
    await s.page.locator(".tree-explorer-viewlet-tree-view .message").filter({ hasText: "stays stopped" }).first().waitFor();
    assert.deepStrictEqual(await s.page.locator(".notification-toast").filter({ hasText: /rejected|before it answered/ }).allInnerTexts(), []);
    await end.getByRole("button", { name: "Retry" }).click();
    await until(() => serversOf(s).length === 1, "the server", 30000);
    await ready();
  } finally { await s.close(); }
});

test("what a crash left open is over: a check ends, and the next question waits for no answer of before", { timeout: 300000 }, async () => {
  const silent = net.createServer(() => undefined);
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const s = await scene({ machine: (url) => ({ "inhouse.endpoints": { local: { baseUrl: url }, silent: { baseUrl: `http://127.0.0.1:${silent.address().port}/v1` } } }) });
  try {
    const { script, fixer } = handsIn(() => s), question = (text) => s.page.locator(".notification-list-item:visible").filter({ hasText: text }).first();
    script(["run_terminal_command", { command: "echo one" }]);
    await fixer("First");
    await question("echo one").waitFor();
    await palette(s.page, "Inhouse: Check Endpoints");
    const check = s.page.locator(".notification-list-item:visible").filter({ hasText: "Checking endpoints" });
    await check.waitFor();
    const before = serversOf(s);
    before.forEach((pid) => { process.kill(pid, "SIGKILL"); });
    await toast(s.page, "The server stopped before it answered").waitFor();
    await check.waitFor({ state: "detached" });
    await until(() => serversOf(s).some((pid) => !before.includes(pid)), "a new server");
    script(["run_terminal_command", { command: "echo two" }]);
    await fixer("Second");
    await question("echo two").getByRole("button", { name: "Run once" }).click();
    await until(async () => (await shown(s.page)).includes("That is all."), "the end");
  } finally { await s.close(); silent.close(); }
});

test("a program that is no server is ended when the setting is another", { timeout: 240000 }, async () => {
  const s = await scene({ machine: (url) => ({ "inhouse.serverCommand": ["sleep", "3599"], "inhouse.endpoints": { local: { baseUrl: url } } }) });
  try {
    await until(() => processes("sleep 3599").length === 1, "the program");
    s.workbench.setMachine({ "inhouse.serverCommand": SERVER });
    await until(() => serversOf(s).length === 1, "the server", 30000);
    assert.deepStrictEqual(processes("sleep 3599"), []);
    await agents(s.page);
  } finally { await s.close(); }
});

test("pages are there again after the window was loaded again; a file of the user's that is called like one stays; a model's words are no link in a message", { timeout: 300000 }, async () => {
  const s = await scene({ files: { ...FILES, "Proposed changes.md": "Mine.\n" } });
  try {
    const { script, fixer } = handsIn(() => s), tab = (text) => s.page.locator(".tab").filter({ hasText: text }).first();
    const page = (text) => until(async () => {
      const texts = await Promise.all(s.page.frames().map((frame) => frame.evaluate(() => document.body.innerText).catch(() => "")));
      return texts.some((each) => each.includes(text));
    }, text);
    let end;
    s.model.state.play = async (answer) => { await new Promise((resolve) => { end = resolve; }); answer.say("[Look](command:workbench.action.closeAllEditors) here"); };
    await openFile(s.page, "Proposed changes.md");
    await run(s.page, "Look at it");
    await tab("reviewer: Look at it").click({ button: "middle" });
    await tab("reviewer: Look at it").waitFor({ state: "detached" });
    (await until(() => end, "the model's turn"))();
    const told = toast(s.page, "reviewer is done: [Look] (command:");
    await told.waitFor();
    assert.strictEqual(await told.locator(".notification-list-item-message a").count(), 0);
    await palette(s.page, "Inhouse: Explain Route…");
    await choose(s.page, "Reviewer");
    await page("Where reviewer runs");
    await palette(s.page, "Inhouse: Sessions…");
    await choose(s.page, "Look at it");
    await page("Look at it");
    for (const [name, text] of [["reviewer: Look at it", "Look at it"], ["Route of reviewer", "Where reviewer runs"]]) {
      await tab(name).dblclick();
      await sleep(7000); // VS Code stores its tabs every few seconds.
      await s.page.reload();
      await tab(name).waitFor();
      await page(text);
    }
    script(["str_replace", { path: "app.py", replacements: [{ oldString: "result = 0\n", newString: "result = 0.0\n" }] }]);
    await fixer("Use floats");
    await toast(s.page, "fixer proposes changes to 1 file.").getByRole("button", { name: "Review Edits" }).click();
    await tab("app.py (proposed)").waitFor();
    await palette(s.page, "Inhouse: Reject Proposed Changes");
    await tab("app.py (proposed)").waitFor({ state: "detached" });
    assert.ok(await tab("Proposed changes.md").isVisible());
  } finally { await s.close(); }
});

test("settings change without a restart, and a broken one is told while the others count", { timeout: 300000 }, async () => {
  const s = await scene();
  try {
    s.model.state.play = async (answer) => { answer.say("From the model."); };
    await run(s.page, "One");
    await until(async () => (await shown(s.page)).includes("From the model."), "a run");
    const [server] = serversOf(s);
    write(s.workspace, { ".vscode/settings.json": JSON.stringify({ "inhouse.maxSteps": "many", "inhouse.defaultEndpoint": "elsewhere" }) });
    await openFile(s.page, ".vscode", "settings.json");
    await palette(s.page, "View: Focus Problems");
    await s.page.locator(".markers-panel").getByText("Incorrect type").first().waitFor({ timeout: 60000 });
    await s.page.locator(".markers-panel").getByText("elsewhere").first().waitFor({ timeout: 60000 });
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

test("an untrusted workspace names no endpoint and its agents do not run; trusted live, both do", { timeout: 300000 }, async () => {
  const s = await scene({
    trust: true,
    files: (url) => ({ ...FILES, ".vscode/settings.json": JSON.stringify({ "inhouse.endpoints": { theirs: { baseUrl: url } }, "inhouse.defaultEndpoint": "theirs" }) }),
  });
  try {
    await palette(s.page, "Inhouse: Run Agent…");
    const row = s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: /reviewer/i });
    await row.waitFor({ timeout: 60000 });
    await shot(s.page, "untrusted");
    assert.doesNotMatch(await row.innerText(), /theirs/);
    await row.click();
    await prompt(s.page, "Do something");
    const refusal = toast(s.page, /not trusted/);
    await refusal.waitFor({ timeout: 60000 });
    await shot(s.page, "untrusted-run");
    assert.strictEqual(s.model.requests.length, 0);
    await refusal.getByRole("button", { name: "Manage Trust…" }).click();
    await s.page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust", exact: true }).click();
    await s.page.locator(".statusbar-item").filter({ hasText: "Restricted Mode" }).waitFor({ state: "detached" });
    s.model.state.play = async (answer) => { answer.say("Now I may."); };
    assert.match((await agents(s.page)).join("\n"), /theirs/);
    await choose(s.page, "Reviewer");
    await prompt(s.page, "Do it now");
    await until(async () => (await shown(s.page)).includes("Now I may."), "the run in the window that was trusted live");
  } finally { await s.close(); }
});

test("trust that is granted while an agent runs waits for its end", { timeout: 300000 }, async () => {
  const s = await scene({ trust: true, files: { "app.py": FILES["app.py"], ".agents/theirs.ts": FILES[".agents/reviewer.ts"] } });
  try {
    let stop = false;
    s.model.state.play = async (answer) => { answer.say("At work"); while (!stop && !answer.gone) { await sleep(50); } };
    await palette(s.page, "Inhouse: Run Agent…");
    await choose(s.page, "Answers questions");
    await prompt(s.page, "Go on");
    await until(async () => (await shown(s.page)).includes("At work"), "text");
    const [before] = serversOf(s);
    await palette(s.page, "Workspaces: Manage Workspace Trust");
    await s.page.locator(".workspace-trust-editor").getByRole("button", { name: "Trust", exact: true }).click();
    await toast(s.page, "when its running agents have ended").waitFor();
    await shot(s.page, "trust-waits");
    await sleep(2000);
    assert.deepStrictEqual(serversOf(s), [before]);
    stop = true;
    await until(() => serversOf(s).some((pid) => pid !== before), "a new server");
  } finally { await s.close(); }
});

test("a server that crashes at start is told, and nothing is restarted without end", { timeout: 240000 }, async () => {
  const folder = temporary("inhouse-crash-");
  write(folder, { "crash.sh": `#!/bin/sh\necho x >> ${folder}/starts\necho broken on purpose >&2\nexit 3\n` });
  const workbench = await startWorkbench({ vsix: packaged(), machine: { "inhouse.serverCommand": ["/bin/sh", path.join(folder, "crash.sh")] } });
  const browser = await launchBrowser();
  try {
    const page = await openFolder(browser, workbench, write(temporary("inhouse-ws-"), FILES));
    await toast(page, "stopped while it was starting").waitFor({ timeout: 60000 });
    await shot(page, "crash-at-start");
    await sleep(3000);
    assert.strictEqual(fs.readFileSync(path.join(folder, "starts"), "utf8"), "x\n");
    await toast(page, "stopped while").getByRole("button", { name: "Show Log" }).click();
    await page.getByRole("tab", { name: /^Output/, selected: true }).waitFor(); // Its text needs a native library that this workbench is installed without.
  } finally { await browser.close(); await workbench.stop(); }
});
