// Writing prompts, two runs at once, what they cost, and where transcripts and sessions lead, in the real workbench.
import assert from "node:assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, beforeEach } from "node:test";
import { FILES, handsIn, scene, testIn } from "./fixture.mjs";
import { SERVER, choose, closeAll, file, lens, openFile, palette, prompt, shot, shown, sleep, toast, until } from "./workbench.mjs";

let s;
const test = testIn(() => s);
/** As in a container: no command can see edits that are not applied.  Only root can give that up. */
const WITHOUT_OVERLAYS = ["setpriv", "--bounding-set=-sys_admin"];
const BLIND = process.getuid?.() === 0 && spawnSync(WITHOUT_OVERLAYS[0], [WITHOUT_OVERLAYS[1], "true"]).status === 0;
const LEAD = `export default { id: "lead", displayName: "Lead", model: "test-model", toolNames: ["spawn_agents", "end_turn"], spawnableAgents: ["reviewer"], instructionsPrompt: "Lead." };\n`;
before(async () => {
  s = await scene({ files: { ...FILES, ".agents/lead.ts": LEAD }, machine: BLIND ? { "inhouse.serverCommand": [...WITHOUT_OVERLAYS, ...SERVER] } : {} });
  await s.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
}, { timeout: 240000 });
after(async () => { await s?.close(); });
beforeEach(async () => {
  await palette(s.page, "Notifications: Clear All Notifications");
  await closeAll(s.page);
});

const { script, fixer, onDisk, exists } = handsIn(() => s);
const box = () => s.page.locator(".quick-input-widget:visible");
const input = () => box().locator("input").first();
const asked = () => JSON.stringify(s.model.requests.at(-1).messages);
const asks = async (count) => until(() => s.model.requests.length > count, "the request");
const say = (text) => { s.model.state.play = async (answer) => { answer.say(text); }; };
const tab = (text) => s.page.locator(".tab").filter({ hasText: text }).first();

async function selectMean() {
  await openFile(s.page, "app.py");
  await s.page.locator(".editor-group-container").first().locator(".view-line").filter({ hasText: "def mean" }).click();
  await s.page.keyboard.press("Home");
  await s.page.keyboard.press("Shift+ArrowDown");
  await s.page.keyboard.press("Shift+ArrowDown");
  await palette(s.page, "Inhouse: Run Agent on Selection…");
  await choose(s.page, "Reviewer");
  await box().filter({ hasText: "Attached: app.py, lines 8 to 9." }).waitFor();
}

test("what is sent along is shown in the box and can be left out; Up brings the prompt of an earlier run", async () => {
  say("An empty list divides by zero.");
  await selectMean();
  await shot(s.page, "prompt-box");
  await input().fill("What about an empty list?");
  let before = s.model.requests.length;
  await s.page.keyboard.press("Enter");
  await asks(before);
  assert.match(asked(), /What about an empty list\?[^]*len\(prices\)/);
  await selectMean();
  await box().locator(".action-label[aria-label^='Leave out app.py']").click();
  await box().filter({ hasText: "Not attached: app.py, lines 8 to 9." }).waitFor();
  await input().fill("half typed");
  await s.page.keyboard.press("ArrowUp");
  await until(async () => (await input().inputValue()) === "What about an empty list?", "the earlier prompt");
  await s.page.keyboard.press("ArrowDown");
  await until(async () => (await input().inputValue()) === "half typed", "what was being typed");
  await s.page.keyboard.press("ArrowUp");
  before = s.model.requests.length;
  await until(async () => (await input().inputValue()) === "What about an empty list?", "the earlier prompt");
  await s.page.keyboard.press("Enter");
  await asks(before);
  assert.match(asked(), /What about an empty list\?/);
  assert.doesNotMatch(asked(), /len\(prices\)/);
});

test("a pasted block keeps its lines: it goes on in a document, which is sent with a key and closes", async () => {
  say("I see two lines.");
  await selectMean();
  await s.page.evaluate(() => navigator.clipboard.writeText("Traceback:\n    result = 1 / 0\nZeroDivisionError"));
  await input().fill("Why this? ");
  await s.page.keyboard.press("End");
  await s.page.keyboard.press("Control+v");
  await tab("Prompt for reviewer.md").waitFor();
  await until(async () => /Why this\? Traceback:\n +result = 1 \/ 0\nZeroDivisionError/.test(await file(s.page)), "the lines");
  await lens(s.page, "Send to reviewer").waitFor();
  await lens(s.page, "Leave out app.py, lines 8 to 9").click();
  await lens(s.page, "Attach app.py, lines 8 to 9").waitFor();
  await shot(s.page, "prompt-document");
  await s.page.locator(".view-line").filter({ hasText: "ZeroDivisionError" }).click();
  await s.page.keyboard.press("End");
  await s.page.keyboard.type("\nRead @not");
  await s.page.locator(".suggest-widget .monaco-list-row.focused").filter({ hasText: "notes.md" }).waitFor(); // Names of the server's own come first, and "diagnostics" has these letters.
  await s.page.keyboard.press("Enter");
  await s.page.keyboard.press("Escape");
  const before = s.model.requests.length;
  await s.page.keyboard.press("Control+Enter");
  await asks(before);
  assert.match(asked(), /Why this\? Traceback:\\n {4}result = 1 \/ 0\\nZeroDivisionError\\nRead @notes\.md[^]*Nothing yet\./);
  assert.doesNotMatch(asked(), /len\(prices\)/);
  await tab("Prompt for reviewer.md").waitFor({ state: "detached" });
});

test("two runs have a tab each, named by what was asked; the end of one that is hidden or closed is told", async () => {
  const ends = {};
  s.model.state.play = async (answer) => {
    const name = /(first|second) question/.exec(JSON.stringify(answer.asked.messages))[1];
    answer.say(`Words of the ${name}. `);
    await new Promise((resolve) => { ends[name] = resolve; });
    answer.say("The end.");
  };
  await openFile(s.page, "app.py");
  for (const name of ["first", "second"]) {
    await palette(s.page, "Inhouse: Run Agent…");
    await choose(s.page, "Reviewer");
    await box().filter({ hasText: "reviewer" }).waitFor();
    await input().fill(`The ${name} question`);
    await s.page.keyboard.press("Enter");
    await until(async () => (await shown(s.page)).includes(`Words of the ${name}.`), "its transcript");
  }
  await shot(s.page, "two-runs");
  await tab("reviewer: The first question").click();
  await until(async () => (await shown(s.page)).includes("Words of the first."), "the first again");
  ends.second();
  await toast(s.page, "reviewer is done: Words of the second.").waitFor();
  await tab("reviewer: The first question").click({ button: "middle" });
  await tab("reviewer: The first question").waitFor({ state: "detached" });
  await palette(s.page, "Notifications: Clear All Notifications");
  ends.first();
  await toast(s.page, "reviewer is done: Words of the first.").getByRole("button", { name: "Show Run" }).click();
  const page = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await page.getByText("Words of the first.").waitFor();
  await palette(s.page, "View: Show Inhouse");
  await s.page.locator(".pane-header").filter({ hasText: /endpoints/i }).click();
  await s.page.locator(".pane-body .monaco-list-row").filter({ hasText: /local.*k tokens in \d+ requests/ }).first().waitFor();
  await shot(s.page, "endpoint-cost");
  await palette(s.page, "View: Show Explorer");
  assert.ok(onDisk("app.py"));
});

test("where a command cannot see the edits, applying them and running is the first answer that lets it run", async (t) => {
  if (!BLIND) { t.skip("NOT TESTED: needs root and setpriv"); return; }
  script(["str_replace", { path: "app.py", replacements: [{ oldString: "result = 0\n", newString: "result = 0.0\n" }] }],
    ["run_terminal_command", { command: "grep -c 'result = 0.0' app.py" }]);
  await fixer("Use floats");
  const question = toast(s.page, "grep -c");
  await question.waitFor();
  await shot(s.page, "apply-and-run");
  const answers = await question.getByRole("button").filter({ hasText: /\w/ }).allInnerTexts();
  assert.match(answers.join(" | "), /^Deny \| Apply the waiting edit and run \| More…/);
  await question.getByRole("button", { name: "Apply the waiting edit and run" }).click();
  await until(async () => (await shown(s.page)).includes("That is all."), "the end");
  assert.match(asked(), /stdout\W+1\W/);
  assert.match(onDisk("app.py"), /result = 0\.0/);
  await closeAll(s.page);
  await palette(s.page, "Inhouse: Show Runs…"); // As a page its links lead there too.
  await s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Use floats" }).first().click();
  await s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame").getByRole("link", { name: "app.py" }).first().click();
  await s.page.locator(".statusbar-item").filter({ hasText: /^Ln 2,/ }).waitFor();
});

test("a transcript folds what sub-agents said, and leads to the files and lines that are there", async () => {
  s.model.state.play = async (answer) => {
    const said = JSON.stringify(answer.asked.messages);
    if (answer.asked.messages.some(({ role }) => role === "tool")) { answer.say("See app.py:9 and missing.py:3."); return; }
    if (said.includes("Look closely")) { answer.say("Deep words\nof the reviewer."); return; }
    answer.call("spawn_agents", { agents: [{ agent_type: "reviewer", prompt: "Look closely" }] });
  };
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Lead");
  await box().filter({ hasText: "lead" }).waitFor();
  await input().fill("Lead them");
  await s.page.keyboard.press("Enter");
  await until(async () => /See app\.py:9[^]*\*\*completed\*\*/.test(await shown(s.page)), "the end");
  await until(async () => /▸ reviewer: completed, .* \(2 lines\)/.test(await shown(s.page)), "the fold");
  assert.doesNotMatch(await shown(s.page), /Deep words/);
  await s.page.locator(".view-line").filter({ hasText: "▸ reviewer" }).click();
  await s.page.keyboard.press("Enter");
  await until(async () => (await shown(s.page)).includes("> Deep words"), "what it said");
  const links = () => s.page.locator(".detected-link").allInnerTexts();
  await until(async () => (await links()).join().includes("app.py:9"), "the link");
  await shot(s.page, "transcript-links");
  assert.doesNotMatch((await links()).join(), /missing/);
  const { x, y } = await s.page.locator(".detected-link").filter({ hasText: "app.py:9" }).boundingBox();
  await s.page.keyboard.down("Control"); // The link is drawn anew with the key down, so that a locator would lose it.
  await s.page.mouse.move(x + 8, y + 8);
  await sleep(500);
  await s.page.mouse.click(x + 8, y + 8);
  await s.page.keyboard.up("Control");
  await s.page.locator(".statusbar-item").filter({ hasText: /^Ln 9,/ }).waitFor();
});

test("a file of any name is a link in the transcript, and on the page of its session leads to that file", async () => {
  const names = ["with space.py", "hash#tag.py", "größe ü.py", "in (a) [b] 100%.py"];
  names.forEach((name) => { fs.writeFileSync(path.join(s.workspace, name), "x = 1\ny = 2\n"); });
  let turn = 0;
  s.model.state.play = async (answer) => { if (turn++) { answer.say("See `with space.py:2`, größe.py and app.py:3 between `no file` and `app.py`."); } else { answer.call("read_files", { paths: names }); } };
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  await box().filter({ hasText: "reviewer" }).waitFor();
  await input().fill("Odd names");
  await s.page.keyboard.press("Enter");
  await until(async () => /between[^]*\*\*completed\*\*/.test(await shown(s.page)), "the end");
  const links = async () => (await s.page.locator(".detected-link").allInnerTexts()).map((text) => text.replace(/\u00a0/g, " "));
  await until(async () => { const there = await links(); return [...names, "with space.py:2", "app.py:3", "app.py"].every((name) => there.join("|").includes(name)); }, "the links").catch(async (error) => { throw new Error(`${error.message} ${JSON.stringify(await links())}`); });
  await palette(s.page, "View: Show Inhouse");
  await s.page.locator(".pane-body .monaco-list-row").filter({ hasText: "Odd names" }).first().click();
  const frame = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await frame.locator("a").filter({ hasText: "hash#tag.py" }).waitFor();
  await frame.locator("a").filter({ hasText: "hash#tag.py" }).click();
  await s.page.locator(".tab.active").filter({ hasText: /^hash#tag\.py/ }).waitFor();
});

test("the sessions picker finds a session; its document's lenses undo a turn and fork the conversation", async () => {
  const row = (text) => s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: text }).first();
  script(["write_file", { path: "extra.py", instructions: "n", content: "answer = 42\n" }]);
  await fixer("Add a file of answers");
  await toast(s.page, "fixer proposes changes to 1 file.").waitFor();
  await palette(s.page, "Inhouse: Apply Proposed Changes");
  await until(() => exists("extra.py"), "the file");
  await palette(s.page, "Inhouse: Sessions…");
  await input().fill("answers");
  await row("Add a file of answers").waitFor();
  await shot(s.page, "sessions");
  await row("Add a file of answers").click();
  await s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame").getByText("Add a file of answers").first().waitFor();
  await palette(s.page, "Markdown: Reopen as source file");
  await lens(s.page, "Undo its changes").waitFor();
  await shot(s.page, "session-lenses");
  await lens(s.page, "Undo its changes").click();
  await toast(s.page, "1 file is as before the run.").waitFor();
  assert.ok(!exists("extra.py"));
  say("Another way.");
  await lens(s.page, "Fork here").click();
  await box().filter({ hasText: "Reply to fixer" }).waitFor();
  await input().fill("Do it in another way");
  const before = s.model.requests.length;
  await s.page.keyboard.press("Enter");
  await asks(before);
  assert.match(asked(), /Do it in another way/);
  assert.doesNotMatch(asked(), /Add a file of answers/);
});

test("a model's own ticks in a transcript open nothing", async () => {
  s.model.state.play = async (answer) => {
    if (answer.asked.messages.at(-1).role === "tool") { answer.say("That is all."); return; }
    answer.say("- ✓ The plan\n\n");
    answer.call("read_files", { paths: ["app.py"] });
  };
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  await box().filter({ hasText: "reviewer" }).waitFor();
  await input().fill("Go on");
  await s.page.keyboard.press("Enter");
  const links = async () => (await s.page.locator(".detected-link").allInnerTexts()).join().replace(/\u00a0/g, " ");
  await until(async () => (await links()).includes("✓ Read"), "the call's line");
  assert.doesNotMatch(await links(), /plan/);
});

test("who scrolled up in a transcript stays there, whatever is opened beside it; a first text of many lines is followed", async () => {
  let stop = false;
  s.model.state.play = async (answer) => {
    for (let i = 0; !stop && !answer.gone; i++) { answer.say(`line ${i} of it\n\n`); if (i >= 150) { await sleep(100); } }
  };
  await palette(s.page, "View: Show Explorer");
  await openFile(s.page, "app.py");
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  await prompt(s.page, "Go on");
  const last = async () => Math.max(...[...(await shown(s.page)).matchAll(/line (\d+) of it/g)].map(([, number]) => Number(number)));
  await until(async () => (await last()) > 120, "the end of the first text");
  await s.page.locator(".editor-group-container").nth(1).locator(".view-lines").first().hover();
  await until(async () => { await s.page.mouse.wheel(0, -400); return (await last()) < 120; }, "some lines before");
  await openFile(s.page, "notes.md");
  await sleep(2000);
  assert.ok((await last()) < 120);
  await tab("reviewer: Go on").click();
  await s.page.keyboard.press("Control+End");
  await until(async () => (await last()) > 150, "its end");
  const at = await last();
  await until(async () => (await last()) > at + 10, "what comes");
  stop = true;
  await until(() => s.model.state.open === 0, "its end");
});
