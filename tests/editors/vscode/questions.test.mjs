// Questions of runs in the real workbench: a text, several at once, an answer that comes too late.
import assert from "node:assert";
import fs from "node:fs";
import path from "node:path";
import { after, before, beforeEach } from "node:test";
import { FILES, scene, testIn } from "./fixture.mjs";
import { closeAll, palette, shot, shown, sleep, toast, type, until } from "./workbench.mjs";

let s;
const test = testIn(() => s);
/** Keys of the user's own start a run without a list that would take the place of a question. */
const keys = [1, 2].map((number) => ({ key: `ctrl+alt+${number}`, command: "inhouse.runAgent", args: { agent: "fixer", prompt: `prompt-${number}` } }));
/** A thousand tokens cost a dollar; what these runs read otherwise stays far below the budget. */
const priced = (url) => ({ "inhouse.endpoints": { local: { baseUrl: url, prices: { "test-model": { input: 1000, output: 0 } } } }, "inhouse.budgetUsd": 20 });
/** Its sub-agent is the one that asks. */
const lead = { ".agents/lead.ts": FILES[".agents/reviewer.ts"].replaceAll("reviewer", "lead").replace("[\"read_files\"", "[\"spawn_agents\", \"read_files\"").replace("\n};", "\n  spawnableAgents: [\"fixer\"],\n};") };
keys.push({ key: "ctrl+alt+3", command: "inhouse.runAgent", args: { agent: "lead", prompt: "prompt-3" } });
before(async () => { s = await scene({ keys, machine: priced, files: { ...FILES, ...lead }, settings: { "files.associations": { "*.md": "plaintext" } } }); }, { timeout: 240000 });
after(async () => { await s?.close(); });
beforeEach(async () => {
  await palette(s.page, "Notifications: Clear All Notifications");
  await closeAll(s.page);
});

const start = (number) => s.page.keyboard.press(`Control+Alt+${number}`);
const promptOf = (asked) => /prompt-(\d)/.exec(JSON.stringify(asked.messages))[1];
const lastOf = (number) => JSON.stringify(s.model.requests.filter((asked) => JSON.stringify(asked.messages).includes(`prompt-${number}`)).at(-1).messages.at(-1));
const ask = (answer, question) => answer.call("ask_user", { questions: [{ question, options: [{ label: "Left" }, { label: "Right" }] }] });
const wasAsked = ({ asked }) => asked.messages.at(-1).role === "tool";
const widget = (text) => s.page.locator(".quick-input-widget:visible").filter({ hasText: text });

/** Press a button of a message; one that has hidden behind the bell meanwhile is brought back as a user would. */
async function press(text, button) {
  const target = s.page.locator(".notification-list-item:visible").filter({ hasText: text }).first().getByRole("button", { name: button });
  if (!await target.isVisible()) {
    await s.page.locator(".statusbar-item").filter({ hasText: "An agent asks" }).click();
  }
  await target.click();
}

/** Wait for the list of a question: it takes any text, too. */
async function ownWords(question) {
  await widget(question).filter({ hasText: "fixer asks" }).locator(".monaco-list-row").filter({ hasText: "Right" }).waitFor({ timeout: 60000 });
}

test("a sub-agent's question is asked in its own name", async () => {
  let turns = 0;
  s.model.state.play = async (answer) => {
    const calls = [() => { answer.call("spawn_agents", { agents: [{ agent_type: "fixer", prompt: "prompt-3: ask" }] }); }, () => { ask(answer, "Which way?"); }];
    (calls[turns++] ?? (() => { answer.say("That way it is."); }))();
  };
  await start(3);
  await ownWords("Which way?");
  await shot(s.page, "question-of-a-sub-agent");
  await type(s.page, "Straight on", "fixer asks");
  await until(async () => /That way it is\.[^]*\*\*completed\*\*/.test(await shown(s.page)), "the end");
});

test("a transcript stays one where the user's own settings say what files of Markdown are", async () => {
  s.model.state.play = async (answer) => { answer.say("Said here."); };
  await start(1);
  await until(async () => /Said here\.[^]*\*\*completed\*\*/.test(await shown(s.page)), "the end");
  await s.page.locator(".view-line").filter({ hasText: "Said here." }).click();
  const mode = s.page.locator("#status\\.editor\\.mode");
  await mode.waitFor();
  assert.match(await mode.innerText(), /Inhouse Transcript/);
});

test("an answer in the user's own words: what is typed in the list reaches the model [matrix: question = input box]", async () => {
  s.model.state.play = async (answer) => { if (wasAsked(answer)) { answer.say("Then so be it."); } else { ask(answer, "What shall it be called?"); } };
  await start(1);
  await ownWords("What shall it be called?");
  await shot(s.page, "question-text");
  await type(s.page, "Otto the second", "fixer asks");
  await until(async () => (await shown(s.page)).includes("Then so be it."), "the end");
  assert.match(lastOf(1), /Otto the second/);
});

test("several choices with their descriptions: leaving the list keeps what was picked in it", async () => {
  const options = [{ label: "Tests", description: "unit tests first" }, { label: "Docs" }, { label: "Types" }];
  s.model.state.play = async (answer) => { if (wasAsked(answer)) { answer.say("As you wish."); } else { answer.call("ask_user", { questions: [{ question: "What comes next?", options, multiSelect: true }] }); } };
  await start(1);
  const list = widget("What comes next?");
  await list.getByText("unit tests first").waitFor({ timeout: 60000 });
  for (const label of ["Tests", "Types"]) { await list.locator(".monaco-list-row").filter({ hasText: label }).locator(".monaco-checkbox, .quick-input-list-checkbox").first().click(); }
  await shot(s.page, "question-several");
  await s.page.keyboard.press("Escape");
  await until(async () => (await shown(s.page)).includes("As you wish."), "the end");
  assert.match(lastOf(1), /Tests[^]*Types/);
  assert.doesNotMatch(lastOf(1), /Docs/);
});

test("two runs that ask at once are asked for one after the other, and each gets its own answer", async () => {
  const answered = () => s.model.requests.filter((asked) => wasAsked({ asked })).length, before = answered();
  const both = [];
  s.model.state.play = async (answer) => {
    if (wasAsked(answer)) { answer.say("Thank you."); return; }
    await new Promise((resolve) => { both.push(resolve); if (both.length === 2) { both.forEach((each) => each()); } });
    ask(answer, `Which way for ${promptOf(answer.asked)}?`);
  };
  await start(1);
  await until(() => both.length === 1, "the first run");
  await start(2);
  const open = async () => (await widget("Which way for").allInnerTexts()).map((text) => /Which way for (\d)/.exec(text)[1]);
  await until(async () => (await open()).length > 0, "a question");
  const [first] = await open(), second = first === "1" ? "2" : "1";
  await sleep(1500); // Time for the other one to come on top, if it did.
  assert.deepStrictEqual(await open(), [first]);
  await ownWords(`Which way for ${first}?`);
  assert.deepStrictEqual(await open(), [first]);
  await type(s.page, `straight on, ${first}`, "fixer asks");
  await widget(`Which way for ${second}?`).locator(".monaco-list-row").filter({ hasText: "Right" }).click();
  await until(() => answered() === before + 2, "both answers");
  assert.match(lastOf(first), /straight on, /);
  assert.match(lastOf(second), /Right/);
});

test("an answer to a run that was cancelled meanwhile does no harm, and the next question is asked", async () => {
  const answered = () => s.model.requests.filter((asked) => wasAsked({ asked })).length, before = answered();
  s.model.state.play = async (answer) => { if (wasAsked(answer)) { answer.say("Done."); } else { answer.call("run_terminal_command", { command: "echo late > late.txt" }); } };
  await start(1);
  const late = toast(s.page, "echo late > late.txt");
  await late.waitFor({ timeout: 60000 });
  const reminder = s.page.locator(".statusbar-item").filter({ hasText: "An agent asks" });
  await reminder.waitFor();
  await palette(s.page, "Inhouse: Cancel Run");
  await until(async () => (await shown(s.page)).includes("**cancelled**"), "the end");
  s.model.state.play = async (answer) => { if (wasAsked(answer)) { answer.say("Done."); } else { answer.call("run_terminal_command", { command: "echo next > next.txt" }); } };
  await start(2);
  await until(async () => (await shown(s.page)).includes("echo next > next.txt"), "the next question");
  await press("echo late > late.txt", "Run once");
  await shot(s.page, "question-late");
  await sleep(1000);
  assert.strictEqual(answered(), before); // Neither command has run.
  await press("echo next > next.txt", "Run once");
  await until(async () => (await shown(s.page)).includes("**completed**"), "the end");
  assert.match(lastOf(2), /The user reviews what it changed: next\.txt/);
  const written = () => ["late.txt", "next.txt"].filter((name) => fs.existsSync(path.join(s.workspace, name)));
  assert.deepStrictEqual(written(), []); // What a command changes is reviewed like every other edit.
  await palette(s.page, "Inhouse: Review Edits…");
  await s.page.locator(".tab.active").filter({ hasText: "next.txt" }).waitFor();
  await palette(s.page, "Inhouse: Apply All Hunks of This File");
  await until(() => written().length > 0, "the file of the command that was allowed");
  assert.deepStrictEqual(written(), ["next.txt"]);
  assert.strictEqual(await s.page.locator(".notification-toast .codicon-error").count(), 0);
});

test("an input box goes with the run that asked, cancelled in the status bar, and the next question is asked [matrix: cancel = status bar]", async () => {
  s.model.state.play = async (answer) => { if (wasAsked(answer)) { answer.say("Good."); } else { ask(answer, `A text for ${promptOf(answer.asked)}?`); } };
  await start(1);
  await ownWords("A text for 1?");
  await s.page.locator(".statusbar-item").filter({ hasText: "Cancel" }).click();
  await widget("A text for 1?").waitFor({ state: "detached", timeout: 60000 });
  await start(2);
  await ownWords("A text for 2?");
  await type(s.page, "the answer", "fixer asks");
  await until(async () => (await shown(s.page)).includes("Good."), "the end");
});

test("a budget that is reached offers to raise it, once: the run goes on, and ends where that is reached too", async () => {
  s.model.state.play = async (answer) => { answer.used = 22_000; answer.call("read_files", { paths: ["app.py"] }); };
  const before = s.model.requests.length;
  await start(1);
  await toast(s.page, "The budget of this run is $20").waitFor();
  await shot(s.page, "question-budget");
  assert.strictEqual(s.model.requests.length, before + 1);
  await press("The budget of this run is $20", "Raise to $40 and continue");
  await toast(s.page, /fixer failed: The budget of this run is \$40/).waitFor();
  await shot(s.page, "budget-reached");
  assert.strictEqual(s.model.requests.length, before + 2);
});
