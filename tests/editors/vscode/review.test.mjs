// Reviewing edits and answering questions in the real workbench.
import assert from "node:assert";
import fs from "node:fs";
import path from "node:path";
import { after, before, beforeEach } from "node:test";
import { FILES, handsIn, scene, testIn } from "./fixture.mjs";
import { closeAll, decorations, file, lens, openFile, palette, processes, shot, shown, toast, until } from "./workbench.mjs";

let s;
const test = testIn(() => s);
before(async () => { s = await scene(); }, { timeout: 240000 });
after(async () => { await s?.close(); });
beforeEach(async () => {
  await palette(s.page, "Notifications: Clear All Notifications");
  await closeAll(s.page);
});

const { script, fixer, onDisk, exists } = handsIn(() => s);
/** The text of the editor that has the focus, as VS Code would save it. */
const save = () => s.page.keyboard.press("Control+s");

const TWO_HUNKS = [["str_replace", { path: "app.py", replacements: [{ oldString: "    result = 0\n", newString: "    result = 0.0\n" }, { oldString: "    best = prices[0]\n", newString: "    best = max(prices)\n" }] }]];

test("a proposal shows lenses in the file; one hunk is applied from its lens, and one undo takes it back [matrix: review = lens] [matrix: undo]", async () => {
  await openFile(s.page, "app.py");
  script(...TWO_HUNKS);
  await fixer("Make it better");
  await lens(s.page, /Apply/).waitFor({ timeout: 60000 });
  await toast(s.page, "fixer proposes changes to 1 file.").waitFor();
  await lens(s.page, "Show diff").waitFor();
  await shot(s.page, "proposal");
  assert.strictEqual(onDisk("app.py"), FILES["app.py"]);
  await lens(s.page, /^Apply \(/).click();
  await until(async () => (await file(s.page)).includes("result = 0.0"), "the hunk in the buffer");
  assert.doesNotMatch(await file(s.page), /best = max\(prices\)/);
  await s.page.locator(".view-line").filter({ hasText: "def total" }).first().click();
  await s.page.keyboard.press("Control+z");
  await until(async () => !(await file(s.page)).includes("result = 0.0"), "the undo");
  await palette(s.page, "View: Revert and Close Editor");
});

test("the diff is VS Code's own; a hunk is rejected and the rest applied from its title [matrix: review = native diff]", async () => {
  await palette(s.page, "Inhouse: Review Edits…");
  await s.page.locator(".diff-editor, .monaco-diff-editor").first().waitFor({ timeout: 60000 });
  await until(async () => (await shown(s.page)).includes("max(prices)"), "the proposed text");
  await shot(s.page, "diff");
  await s.page.locator(".editor.modified .view-line").filter({ hasText: "max(prices)" }).click();
  await s.page.locator(".title .action-label[aria-label^='Apply This Hunk']").click();
  await until(async () => !(await s.page.locator(".monaco-diff-editor").count()) || (await shown(s.page)).includes("best"), "the decision");
  await openFile(s.page, "app.py");
  await until(async () => (await file(s.page)).includes("best = max(prices)"), "the hunk");
  await save();
  await until(() => onDisk("app.py").includes("best = max(prices)"), "the file");
});

test("a file is created only when the user says so", async () => {
  script(["write_file", { path: "extra.py", instructions: "A new file", content: "answer = 42\n" }]);
  await fixer("Add a file");
  await toast(s.page, "fixer proposes changes to 1 file.").waitFor({ timeout: 60000 });
  assert.ok(!exists("extra.py"));
  await palette(s.page, "Inhouse: Review Edits…");
  await until(async () => (await shown(s.page)).includes("answer = 42"), "the new file's text");
  await shot(s.page, "diff-new-file");
  await palette(s.page, "Inhouse: Apply All Hunks of This File");
  await until(() => exists("extra.py"), "the file");
  assert.strictEqual(onDisk("extra.py"), "answer = 42\n"); // Saved, not only shown.
});

test("a proposal follows a file that is renamed in the explorer", async () => {
  script(["str_replace", { path: "notes.md", replacements: [{ oldString: "Nothing yet.", newString: "Something now." }] }]);
  await fixer("Write it down");
  await toast(s.page, "fixer proposes changes to 1 file.").waitFor({ timeout: 60000 });
  await s.page.getByRole("treeitem", { name: "notes.md", exact: true }).first().click();
  await s.page.keyboard.press("F2");
  await s.page.locator(".explorer-item-edited input").fill("words.md");
  await s.page.keyboard.press("Enter");
  await until(() => exists("words.md"), "the new name");
  await openFile(s.page, "words.md");
  await lens(s.page, /^Apply \(/).waitFor();
  await shot(s.page, "renamed");
  await lens(s.page, /^Apply \(/).click();
  await until(async () => (await file(s.page)).includes("Something now."), "the change");
  await save();
  await until(() => onDisk("words.md").includes("Something now."), "the file");
  fs.rmSync(path.join(s.workspace, "words.md"));
  fs.writeFileSync(path.join(s.workspace, "notes.md"), FILES["notes.md"]);
});

test("a file is deleted only when the user says so; a rejected deletion leaves it", async () => {
  fs.writeFileSync(path.join(s.workspace, "old.py"), "gone = True\n");
  script(["apply_patch", { operation: { type: "delete_file", path: "old.py" } }]);
  await fixer("Delete the old one");
  await toast(s.page, "fixer proposes changes to 1 file.").waitFor({ timeout: 60000 });
  await palette(s.page, "Inhouse: Review Edits…");
  await s.page.locator(".tab.active").filter({ hasText: "old.py (deleted)" }).waitFor();
  await shot(s.page, "diff-deleted");
  await palette(s.page, "Inhouse: Reject All Hunks of This File");
  await s.page.locator(".tab").filter({ hasText: "old.py (deleted)" }).waitFor({ state: "detached" });
  assert.ok(exists("old.py"));
  await palette(s.page, "Notifications: Clear All Notifications");
  script(["apply_patch", { operation: { type: "delete_file", path: "old.py" } }]);
  await fixer("Delete it all the same");
  await toast(s.page, "fixer proposes changes to 1 file.").getByRole("button", { name: "Review Edits" }).click({ timeout: 60000 });
  await s.page.locator(".tab.active").filter({ hasText: "old.py (deleted)" }).waitFor();
  assert.ok(exists("old.py"));
  await palette(s.page, "Inhouse: Apply All Hunks of This File");
  await until(() => !exists("old.py"), "the deletion");
});

test("the model reads what is not saved [matrix: unsaved]", async () => {
  await openFile(s.page, "app.py");
  await s.page.locator(".view-line").filter({ hasText: "def total" }).click();
  await s.page.keyboard.press("Home");
  await s.page.keyboard.type("# nobody has saved this\n");
  script(["read_files", { paths: ["app.py"] }]);
  await fixer("Read it");
  await until(async () => (await shown(s.page)).includes("That is all."), "the end");
  assert.match(JSON.stringify(s.model.requests.at(-1).messages), /nobody has saved this/);
  assert.doesNotMatch(onDisk("app.py"), /nobody has saved this/);
  await s.page.locator(".tab").filter({ hasText: "app.py" }).click();
  await palette(s.page, "View: Revert and Close Editor");
});

test("what the user typed meanwhile is kept [matrix: meanwhile]", async () => {
  await openFile(s.page, "notes.md");
  script(["str_replace", { path: "notes.md", replacements: [{ oldString: "Nothing yet.", newString: "Something now." }] }]);
  await fixer("Write a note");
  await lens(s.page, /Apply/).waitFor({ timeout: 60000 });
  await s.page.locator(".view-line").filter({ hasText: "# Notes" }).click();
  await s.page.keyboard.press("Home");
  await s.page.keyboard.type("My own line\n\n");
  await lens(s.page, /^Apply \(/).click();
  await until(async () => (await shown(s.page)).includes("Something now."), "the change");
  await s.page.locator(".view-line").filter({ hasText: "# Notes" }).click(); // The lens had the focus.
  await save();
  await until(() => onDisk("notes.md") === "My own line\n\n# Notes\n\nSomething now.\n", "both changes in the file");
});

test("changes that no longer fit are shown as the agent saw them, and say why; lines that end in CRLF show no sign of it", async () => {
  const write = (name, text) => { fs.writeFileSync(path.join(s.workspace, name), text); };
  ["gone.py", "typed.py"].forEach((name) => { write(name, "def one():\n    return 1\n\n\ndef two():\n    return 2\n"); });
  write("crlf.py", "def one():\r\n    return 1\r\n");
  const two = (name) => ["str_replace", { path: name, replacements: [{ oldString: "    return 1\n", newString: "    return 10\n    # more\n" }, { oldString: "    return 2\n", newString: "    return 20\n" }] }];
  script(two("gone.py"), two("typed.py"), ["str_replace", { path: "crlf.py", replacements: [{ oldString: "    return 1\n", newString: "    return 10\n    # more\n" }] }], ["write_file", { path: "there.py", instructions: "A new file", content: "by the agent\n" }]);
  await fixer("Make it better");
  await toast(s.page, "fixer proposes changes to 4 files.").waitFor();
  fs.rmSync(path.join(s.workspace, "gone.py"));
  write("typed.py", "def one():\n    return 1234\n\n\ndef two():\n    return 2\n");
  write("there.py", "by the user\n");
  await openFile(s.page, "crlf.py");
  await until(async () => /"return\u00a010\u00a0⏎\u00a0#\u00a0more"/.test(await decorations(s.page)), "the new lines, and nothing else");
  await palette(s.page, "View: Show Inhouse");
  const row = (text) => s.page.locator(".pane-body .monaco-list-row").filter({ hasText: text });
  await row(/there\.py.*new file, no longer fits/).click();
  await s.page.locator(".tab.active").filter({ hasText: "there.py (no longer fits)" }).waitFor();
  await until(async () => { const text = await shown(s.page); return text.includes("by the user") && text.includes("by the agent"); }, "both files");
  await row(/gone\.py/).first().click();
  await s.page.locator(".tab.active").filter({ hasText: "gone.py (no longer fits)" }).waitFor();
  await until(async () => { const text = await shown(s.page); return text.includes("return 1\n") && text.includes("# more") && text.includes("return 20"); }, "what the agent saw and wanted");
  await row(/return 10.*no longer fits/).last().click();
  await s.page.locator(".tab.active").filter({ hasText: "typed.py (no longer fits)" }).waitFor();
  await shot(s.page, "diff-no-longer-fits");
  await palette(s.page, "Inhouse: Reject This Hunk"); // The one that is shown, not the one of this file that fits.
  await s.page.locator(".tab").filter({ hasText: "typed.py (no longer fits)" }).waitFor({ state: "detached" });
  await row(/typed\.py.*1 change/).waitFor();
  await row(/return 20.*line 6/).waitFor();
  await palette(s.page, "Inhouse: Apply Proposed Changes");
  await toast(s.page, "there.py: there is a file now, which fixer proposed to create").waitFor();
  await palette(s.page, "File: Save All");
  await until(() => onDisk("crlf.py") === "def one():\r\n    return 10\r\n    # more\r\n", "the file's own line ends");
  assert.strictEqual(onDisk("there.py"), "by the user\n");
  await palette(s.page, "Inhouse: Reject Proposed Changes");
  await palette(s.page, "View: Show Explorer");
});

test("a command is asked for in a message that takes no keys; its answer goes to the run [matrix: question = message]", async () => {
  await openFile(s.page, "app.py");
  script(["run_terminal_command", { command: "echo hello from the test" }]);
  await fixer("Say hello");
  const question = toast(s.page, "echo hello from the test");
  await question.waitFor({ timeout: 60000 });
  await shot(s.page, "question-command");
  await palette(s.page, "View: Show Inhouse");
  await s.page.locator(".pane-body .monaco-list-row").filter({ hasText: /Say hello.*waits for you/ }).first().waitFor();
  await shot(s.page, "home-waits");
  await palette(s.page, "View: Show Explorer");
  if (!(await question.isVisible())) { await s.page.locator(".statusbar-item").filter({ hasText: "An agent asks" }).click(); } // It hides behind the bell after a while.
  await s.page.locator(".notification-list-item:visible").filter({ hasText: "echo hello from the test" }).getByRole("button").filter({ hasText: /once/i }).click();
  const end = /✓Ran`echohellofromthetest`:exit0[^]*\*\*completed\*\*/; // lines wrap where the column is narrow
  await until(async () => end.test((await shown(s.page)).replace(/[\s\u00a0]+/g, "")), "the end");
  assert.match(JSON.stringify(s.model.requests.at(-1).messages), /hello from the test/);
});

test("a command that failed is not ticked: in the transcript, and on the page of its session", async () => {
  await openFile(s.page, "app.py");
  script(["run_terminal_command", { command: "test -f missing.py" }]);
  await fixer("Is it there?");
  await toast(s.page, "test -f missing.py").getByRole("button").filter({ hasText: /once/i }).click();
  const said = async () => (await shown(s.page)).replace(/[\s\u00a0]+/g, "");
  await until(async () => /✗Ran`test-fmissing\.py`:exit1[^]*\*\*completed\*\*/.test(await said()), "the end");
  assert.doesNotMatch(await said(), /✓Ran/);
  await closeAll(s.page);
  await palette(s.page, "Inhouse: Sessions…");
  await s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Is it there?" }).first().click();
  await s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame").getByText("✗ Ran test -f missing.py: exit 1").waitFor();
  await shot(s.page, "failed-command");
});

test("an agent's command works on what is proposed, the files stay as they are, and what it changes is proposed too; all of it is there after a crash and a reload", async () => {
  const text = (rate, unit) => `rate = ${rate}\n${"# between\n".repeat(8)}unit = ${unit}\n`;
  fs.writeFileSync(path.join(s.workspace, "rate.txt"), text(1, "euro"));
  await openFile(s.page, "rate.txt");
  script(
    ["str_replace", { path: "rate.txt", replacements: [{ oldString: "rate = 1", newString: "rate = 2" }] }],
    ["run_terminal_command", { command: "grep rate rate.txt && sed -i s/euro/cent/ rate.txt && cp rate.txt made.txt" }]);
  await fixer("Change the rate and try it");
  await toast(s.page, "cp rate.txt made.txt").getByRole("button").filter({ hasText: /once/i }).click();
  await toast(s.page, "fixer proposes changes to 2 files.").waitFor();
  const told = s.model.requests.at(-1).messages.findLast(({ role }) => role === "tool").content;
  assert.match(told, /rate = 2[^]*laid over them: rate\.txt/);
  const untouched = () => { assert.strictEqual(onDisk("rate.txt"), text(1, "euro")); assert.ok(!exists("made.txt")); };
  const waits = () => until(async () => /"rate\u00a0=\u00a02"[^]*"unit\u00a0=\u00a0cent"/.test(await decorations(s.page)), "both changes behind the lines that they change");
  await waits();
  await shot(s.page, "command-proposes");
  untouched();
  const ours = () => processes("inhouse lsp").filter((pid) => { try { return fs.readFileSync(`/proc/${pid}/environ`, "utf8").includes(s.workbench.data); } catch { return false; } });
  const crashed = ours();
  assert.ok(crashed.length);
  crashed.forEach((pid) => { process.kill(pid, "SIGKILL"); });
  await until(() => ours().some((pid) => !crashed.includes(pid)), "another server");
  await waits();
  await s.page.reload();
  await s.page.locator(".tab").filter({ hasText: "rate.txt" }).first().click();
  await waits();
  untouched();
  await palette(s.page, "Inhouse: Review Edits…");
  await s.page.locator(".tab.active").filter({ hasText: "Proposed changes" }).waitFor();
  await until(async () => { const page = await shown(s.page); return page.includes("unit = cent") && page.includes("rate = 2"); }, "the changes on one page");
  await shot(s.page, "command-proposes-review");
  await palette(s.page, "Inhouse: Apply Proposed Changes");
  await until(() => exists("made.txt"), "the new file");
  await until(async () => {
    await palette(s.page, "File: Save All Files"); // The files are changed one after the other.
    return onDisk("rate.txt") === text(2, "cent") && onDisk("made.txt") === text(2, "cent");
  }, "both files");
});

test("ask_user is a quick pick [matrix: question = quick pick]", async () => {
  script(["ask_user", { questions: [{ question: "Which way?", options: [{ label: "Left" }, { label: "Right" }] }] }]);
  await fixer("Ask me");
  const row = s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Right" });
  await row.waitFor({ timeout: 60000 });
  await shot(s.page, "question-choice");
  await row.click();
  await until(async () => (await shown(s.page)).includes("That is all."), "the end");
  assert.match(JSON.stringify(s.model.requests.at(-1).messages), /Right/);
});

test("a comment that speaks to an agent has a lens that runs it", async () => {
  fs.writeFileSync(path.join(s.workspace, "asking.py"), "# @reviewer: why is this loop never left?\nwhile True:\n    pass\n");
  await openFile(s.page, "asking.py");
  s.model.state.play = async (answer) => { answer.say("Because nothing ends it."); };
  await lens(s.page, /reviewer/i).click();
  await until(async () => (await shown(s.page)).includes("Because nothing ends it."), "the answer");
  assert.match(JSON.stringify(s.model.requests.at(-1).messages), /why is this loop never left\?[^]*while True/);
});
