// The view in the activity bar, and the review of several files, in the real workbench.
import assert from "node:assert";
import path from "node:path";
import { after, before } from "node:test";
import { FILES, handsIn, scene, testIn } from "./fixture.mjs";
import { choose, closeAll, decorations, file, openFile, openFolder, palette, prompt, shot, shown, sleep, temporary, toast, type, until, write } from "./workbench.mjs";

let s;
const test = testIn(() => s);
before(async () => { s = await scene({ settings: { "inhouse.showTranscript": false } }); }, { timeout: 240000 });
after(async () => { await s?.close(); });

const { script, fixer, onDisk, exists } = handsIn(() => s);
const rows = (page, text) => page.locator(".pane-body .monaco-list-row").filter({ hasText: text });
const labels = (page) => page.locator(".composite.viewlet .pane .monaco-list-row").evaluateAll((all) => all.map((each) => each.innerText.replace(/\s+/g, " ").trim()).join("\n"));

const home = async () => { await palette(s.page, "View: Show Inhouse"); await s.page.locator(".pane-header").filter({ hasText: /proposed changes/i }).waitFor(); };
const explorer = async () => { await palette(s.page, "View: Show Explorer"); await s.page.locator(".explorer-folders-view .monaco-list-row").first().waitFor(); };

/** Open the row of a session; its list may just be drawn again. */
const expand = (title) => until(async () => {
  const row = rows(s.page, title).first();
  if ((await row.getAttribute("aria-expanded")) === "true") { return true; }
  await row.locator(".monaco-tl-twistie").click();
  await sleep(300);
  return false;
}, `the turns of ${title}`);

const THREE_FILES = [
  ["str_replace", { path: "app.py", replacements: [{ oldString: "    result = 0\n", newString: "    result = 0.0\n" }, { oldString: "    best = prices[0]\n", newString: "    best = max(prices)\n    assert best\n" }] }],
  ["write_file", { path: "extra.py", instructions: "A new file", content: "answer = 42\n" }],
  ["apply_patch", { operation: { type: "delete_file", path: "notes.md" } }],
];

test("the view lists agents with where each would run, and endpoints with their health", async () => {
  await home();
  await until(async () => /Reviewer.*test-model · local: local/.test(await labels(s.page)), "the agents");
  assert.match(await labels(s.page), /Broken/);
  await s.page.locator(".pane-header").filter({ hasText: /endpoints/i }).click();
  await rows(s.page, "not checked").first().waitFor();
  await palette(s.page, "Inhouse: Check Endpoints");
  await rows(s.page, /local.*answers in \d+ ms · 1 model/).first().waitFor();
  await shot(s.page, "home-agents");
  await closeAll(s.page);
});

test("a proposal stands in the text of its file, in the list of changes, and as a mark of each file", async () => {
  await openFileFromExplorer("app.py");
  script(...THREE_FILES);
  await fixer("Make it better");
  await toast(s.page, "fixer proposes changes to 3 files.").waitFor();
  await until(async () => /"result\u00a0=\u00a00\.0/.test(await decorations(s.page)), "the new text behind the old");
  assert.match(await decorations(s.page), /"best\u00a0=\u00a0max\(prices\)\u00a0⏎\u00a0assert/);
  assert.match(await file(s.page), /result = 0\n/);
  assert.strictEqual(onDisk("app.py"), FILES["app.py"]);
  const colour = (name) => s.page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: name }).locator(".label-name").first().evaluate((each) => getComputedStyle(each).color);
  await until(async () => (await colour("app.py")) !== (await colour("notes.md")), "the marks of the changed and the deleted file");
  await home();
  await until(async () => /app\.py[^]*line 2, −1 \+1[^]*line 13, −1 \+2[^]*extra\.py.*new file[^]*notes\.md.*is deleted/.test(await labels(s.page)), "the list of changes");
  await until(async () => /Make it better.*fixer · done, 4 changes wait/.test(await labels(s.page)), "the session");
  await shot(s.page, "home-changes");
  assert.strictEqual(await s.page.locator(".activitybar .badge-content").filter({ hasText: "4" }).count(), 1);
});

const openFileFromExplorer = async (name) => { await explorer(); await openFile(s.page, name); };

test("next and previous go from change to change, over the ends of files", async () => {
  await s.page.locator(".tab").filter({ hasText: "app.py" }).click();
  await s.page.locator(".editor-group-container").first().locator(".view-line").filter({ hasText: "def total" }).click();
  const line = () => s.page.locator(".statusbar-item").filter({ hasText: /^Ln \d+/ }).innerText();
  await palette(s.page, "Inhouse: Go to Next Proposed Change");
  await until(async () => /^Ln 2,/.test(await line()), "the first");
  await palette(s.page, "Inhouse: Go to Next Proposed Change");
  await until(async () => /^Ln 13,/.test(await line()), "the second");
  await palette(s.page, "Inhouse: Go to Next Proposed Change");
  await s.page.locator(".tab.active").filter({ hasText: "extra.py (new file)" }).waitFor();
  await palette(s.page, "Inhouse: Go to Previous Proposed Change");
  await until(async () => /^Ln 13,/.test(await line()), "back");
});

test("what waits is there again after the window is loaded again and the server restarted, which warns", async () => {
  await palette(s.page, "Inhouse: Restart Server");
  const warning = s.page.locator(".monaco-dialog-box").filter({ hasText: "4 proposed changes wait" });
  await warning.waitFor();
  await warning.getByRole("button", { name: "Restart" }).click();
  await until(async () => (await s.page.locator(".activitybar .badge-content").filter({ hasText: "4" }).count()) === 1, "the changes after the restart");
  await s.page.reload();
  await s.page.locator(".tab").filter({ hasText: "app.py" }).first().waitFor();
  await s.page.locator(".tab").filter({ hasText: "app.py" }).first().click();
  await until(async () => /"result\u00a0=\u00a00\.0/.test(await decorations(s.page)), "the new text behind the old, again");
});

test("all files stand on one page, from which all are applied; then the run is undone as a whole", async () => {
  await palette(s.page, "Notifications: Clear All Notifications");
  await palette(s.page, "Inhouse: Review Edits…");
  await s.page.locator(".tab.active").filter({ hasText: "Proposed changes" }).waitFor();
  await until(async () => { const text = await shown(s.page); return text.includes("max(prices)") && text.includes("answer = 42"); }, "the changes of all files");
  assert.doesNotMatch(await decorations(s.page), /"result\u00a0=/); // The page draws the change, so the file's own side does not.
  await shot(s.page, "review-all");
  await s.page.locator(".title .action-label[aria-label^='Apply Proposed Changes']").first().click();
  await until(() => exists("extra.py") && !exists("notes.md"), "the created and the deleted file");
  await s.page.locator(".tab").filter({ hasText: "Proposed changes" }).waitFor({ state: "detached" });
  await palette(s.page, "File: Save All");
  await until(() => onDisk("app.py").includes("max(prices)"), "the changed file");
  await home();
  await expand("Make it better");
  const turn = rows(s.page, /Make it better.*3 files/);
  await turn.first().hover();
  await turn.first().locator(".action-label[aria-label^='Undo']").click();
  await toast(s.page, "3 files are as before the run.").waitFor();
  await until(() => !exists("extra.py") && exists("notes.md"), "the files as before");
  await palette(s.page, "File: Save All");
  await until(() => onDisk("app.py") === FILES["app.py"], "the text as before");
  await rows(s.page, /Make it better.*undone/).first().waitFor();
  await shot(s.page, "home-undone");
});

test("a session is answered from its row, and is rendered when it is opened; where no transcript is wanted a notification shows the run [matrix: progress = notification if no transcript is shown]", async () => {
  let end;
  s.model.state.play = async (answer) => { answer.say("Gladly **again**."); await new Promise((resolve) => { end = resolve; }); };
  const session = s.page.locator(".pane-body .monaco-list-row").filter({ hasText: "Make it better" }).filter({ hasText: "fixer ·" }).first();
  await session.hover();
  await session.locator(".action-label[aria-label^='Reply']").click();
  await type(s.page, "And once more", "Reply to fixer");
  await rows(s.page, "And once more").first().waitFor();
  await until(() => /Make it better[^]*And once more/.test(JSON.stringify(s.model.requests.at(-1).messages)), "the history");
  await toast(s.page, "fixer on local (local)").getByRole("button", { name: "Cancel" }).waitFor();
  await until(() => end, "the answer");
  end();
  await toast(s.page, "fixer on local").waitFor({ state: "detached" });
  await session.click();
  const frame = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await frame.locator("strong").filter({ hasText: "again" }).waitFor();
  await s.page.locator(".tab.active").filter({ hasText: "fixer: Make it better.md" }).waitFor();
  await shot(s.page, "home-session");
});

test("a proposed run is rejected as a whole from its row", async () => {
  await closeAll(s.page);
  script(THREE_FILES[0], THREE_FILES[1]);
  await fixer("Try again");
  await toast(s.page, "fixer proposes changes to 2 files.").waitFor();
  await home();
  await expand("Try again");
  const turn = rows(s.page, /Try again.*2 files/).first();
  await turn.click({ button: "right" });
  await sleep(500);
  await s.page.locator(".monaco-menu .action-label").filter({ hasText: "Reject Proposed Changes" }).click();
  await until(async () => (await s.page.locator(".activitybar .badge-content").filter({ hasText: "3" }).count()) === 0, "nothing waits");
  assert.ok(!exists("extra.py"));
  assert.strictEqual(onDisk("app.py"), FILES["app.py"]);
});

test("with the keyboard alone, 700 pixels and high contrast, changes are seen and decided one by one, sessions are opened, a run is cancelled", async () => {
  const { page } = s, keys = page.keyboard;
  const line = (number) => until(async () => (await page.locator(".statusbar-item").filter({ hasText: new RegExp(`^Ln ${number},`) }).count()) === 1, `line ${number}`);
  const run = async (words) => {
    await palette(page, "Inhouse: Run Agent…");
    await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Fixer" }).waitFor();
    await keys.type("Fixer");
    await keys.press("Enter");
    await prompt(page, words);
  };
  await closeAll(page);
  await palette(page, "Notifications: Clear All Notifications");
  await keys.press("Control+K");
  await keys.press("Control+T");
  await page.locator(".quick-input-widget input[placeholder^='Select Color Theme']").waitFor();
  await keys.type("Dark High Contrast");
  await page.locator(".quick-input-list .monaco-list-row.focused").filter({ hasText: "Dark High Contrast" }).waitFor();
  await keys.press("Enter");
  await page.locator(".monaco-workbench.hc-black").waitFor();
  await page.setViewportSize({ width: 700, height: 800 });
  script(THREE_FILES[0]);
  await run("Once again");
  await toast(page, "fixer proposes changes to 1 file.").waitFor();
  await palette(page, "Inhouse: Go to Next Proposed Change");
  await line(2);
  const dashed = (part, side) => page.locator(".editor-group-container [class*='ced-']").evaluateAll((all, [pseudo, name]) =>
    all.some((each) => { const style = getComputedStyle(each, pseudo); return style[`${name}Style`] === "dashed" && !/, 0\)$/.test(style[`${name}Color`]); }), [part, side]);
  await until(() => dashed(null, "outline"), "the frame of the old text, which has no background here");
  await until(() => dashed("::after", "borderTop"), "the frame of the new text");
  await shot(page, "home-contrast");
  await keys.press("Alt+F5");
  await line(13);
  await keys.press("Shift+Alt+F5");
  await line(2);
  await keys.press("Control+K");
  await keys.press("y");
  await line(13); // What is decided next is in view.
  assert.match(await file(page), /result = 0\.0\n/);
  await keys.press("Control+K");
  await keys.press("n");
  await until(async () => (await page.locator(".activitybar .badge-content").filter({ hasText: /^\d+$/ }).locator("visible=true").count()) === 1, "only the unsaved file is counted");
  assert.match(await file(page), /best = prices\[0\]\n/);
  await palette(page, "File: Revert File");
  await until(async () => { // A view that is just made takes no focus yet.
    await palette(page, "Inhouse: Focus on Sessions View");
    await sleep(500);
    await keys.press("ArrowDown");
    return (await page.locator(".pane-body .monaco-list-row.focused").filter({ hasText: "fixer ·" }).count()) === 1;
  }, "a session in focus");
  await keys.press("Shift+F10");
  await page.locator(".monaco-menu .action-label").filter({ hasText: "Reply…" }).waitFor();
  await keys.press("Escape");
  await keys.press("Enter");
  await page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame").getByText("That is all.").first().waitFor();
  const closed = s.model.state.closed;
  s.model.state.play = async (answer) => { answer.say("On and on"); while (!answer.gone) { await sleep(50); } };
  await run("Never end");
  await until(() => s.model.state.open === 1, "the run");
  await keys.press("Control+K");
  await keys.press("x");
  await until(() => s.model.state.closed === closed + 1, "its end");
});

test("in a workspace of two folders the page of a session leads to the files of both", async () => {
  const root = write(temporary("inhouse-multi-"), {
    "one/.agents/fixer.ts": FILES[".agents/fixer.ts"], "one/a.py": "a = 1\n", "two/b.py": "b = 2\n",
    "both.code-workspace": JSON.stringify({ folders: [{ path: "one" }, { path: "two" }] }) });
  const page = await openFolder(s.browser, s.workbench, path.join(root, "both.code-workspace"));
  script(["read_files", { paths: ["a.py", "two/b.py"] }]);
  await palette(page, "Inhouse: Run Agent…");
  await choose(page, "Fixer");
  await prompt(page, "Read both");
  await palette(page, "View: Show Inhouse");
  await page.locator(".pane-body .monaco-list-row").filter({ hasText: /Read both.*done/ }).first().click();
  const frame = page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await frame.locator("a").filter({ hasText: "two/b.py" }).click();
  await page.locator(".tab.active").filter({ hasText: /^b\.py/ }).waitFor();
  await until(async () => (await shown(page)).includes("b = 2"), "the file of the second folder");
  await page.close();
});
