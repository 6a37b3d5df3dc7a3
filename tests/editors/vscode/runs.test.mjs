// Running agents in the real workbench: from the palette and from a selection, followed and cancelled.
import assert from "node:assert";
import fs from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { scene, testIn } from "./fixture.mjs";
import { sleep } from "./model.mjs";
import { choose, closeAll, decorations, lens, menu, openFile, palette, shot, shown, toast, type, until, prompt } from "./workbench.mjs";

let s;
const test = testIn(() => s);
/** A key of the user's own starts a run without a list. */
const keys = ["First", "Second", "Third"].map((word, index) => ({ key: `ctrl+alt+${index + 1}`, command: "inhouse.runAgent", args: { agent: "reviewer", prompt: `${word} of three` } }));
before(async () => { s = await scene({ keys }); }, { timeout: 240000 });
after(async () => { await s?.close(); });

/** An answer that goes on until the test lets it end. */
function held() {
  let release;
  const until = new Promise((resolve) => { release = resolve; });
  return { until, release };
}

async function run(agent, words) {
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, agent);
  await prompt(s.page, words);
}

/** Wait for a text on a rendered page. */
const page = (text) => s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame").getByText(text).first().waitFor({ timeout: 60000 });

test("the picker tells each agent's purpose, model and place, and what is wrong with it [matrix: list = picker]", async () => {
  await palette(s.page, "Inhouse: Run Agent…");
  const rows = s.page.locator(".quick-input-list .monaco-list-row");
  await rows.filter({ hasText: "Reviewer" }).waitFor({ timeout: 60000 });
  const text = (await rows.allInnerTexts()).join("\n");
  await shot(s.page, "picker");
  assert.match(text, /Reviewer\s*test-model · local: local/);
  assert.match(text, /Reads code and says what is wrong with it/);
  assert.match(text, /Broken/);
  await s.page.keyboard.press("Escape");
});

test("an agent's name draws no icon in the picker", async () => {
  const definition = path.join(s.workspace, ".agents/icon.ts");
  fs.writeFileSync(definition, "export default { id: 'icon', displayName: '$(flame) Reader', model: 'm', spawnerPrompt: '$(heart) Reads' };\n");
  try {
    await palette(s.page, "Inhouse: Run Agent…");
    const row = s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Reader" });
    await until(async () => (await row.count()) || (await s.page.keyboard.press("Escape"), await sleep(500), await palette(s.page, "Inhouse: Run Agent…"), await sleep(500), false), "the new agent");
    assert.match(await row.innerText(), /\$ \(flame\) Reader[^]*\$ \(heart\) Reads/);
    await s.page.keyboard.press("Escape");
  } finally { fs.rmSync(definition); }
});

test("a run streams into the transcript beside the editor; what it does stands at the transcript's end and in the status bar, and never over the text [matrix: run = picker] [matrix: stream = document beside the editor] [matrix: progress = end of the transcript, status bar]", async () => {
  await openFile(s.page, "app.py");
  const start = held(), end = held();
  let said;
  s.model.state.play = async (answer) => {
    await start.until;
    said = Date.now();
    answer.say("The loop is fine, ");
    for (let i = 0; i < 20; i++) { await sleep(40); answer.say(`point ${i} `); }
    await end.until;
    answer.say("and so is the rest.");
  };
  await run("Reviewer", "Is the loop right?");
  await until(async () => /reviewer: waiting for the first token · \d+ s/.test((await decorations(s.page)).replace(/\u00a0/g, " ")), "what it does, at the transcript's end");
  await shot(s.page, "waiting");
  start.release();
  await until(async () => (await shown(s.page)).includes("The loop is fine,"), "the first text");
  const late = Date.now() - said;
  await s.page.locator(".statusbar-item").filter({ hasText: "1 run · local" }).waitFor();
  await until(async () => (await shown(s.page)).includes("point 19"), "the rest");
  await until(async () => !(await decorations(s.page)).includes("reviewer:"), "nothing behind the words that are written");
  await shot(s.page, "running");
  assert.strictEqual(await s.page.locator(".notification-toast").count(), 0);
  end.release();
  await until(async () => (await shown(s.page)).includes("**completed**"), "the end");
  await s.page.locator(".statusbar-item").filter({ hasText: "1 run" }).waitFor({ state: "hidden" });
  await s.page.locator(".statusbar-item").filter({ hasText: "Cancel" }).waitFor({ state: "hidden" });
  console.log(`first text after ${late} ms`);
  assert.ok(late < 15000, `${late} ms`); // perf.test.mjs measures; here only: while it runs, not at its end.
  await shot(s.page, "transcript");
});

test("Cancel in the transcript's title closes the connection to the model and keeps what was said [matrix: cancel = transcript's title]", async () => {
  const closed = s.model.state.closed;
  s.model.state.play = async (answer) => { answer.say("This far. "); while (!answer.gone) { await sleep(50); } };
  await run("Reviewer", "Never end");
  await until(async () => (await shown(s.page)).includes("This far."), "text");
  await s.page.locator(".editor-group-container").last().locator(".tab").filter({ hasText: "Never end" }).click();
  await s.page.locator(".title .action-label[aria-label^='Cancel Run']").click();
  await until(() => s.model.state.closed > closed, "the connection to be closed");
  await until(async () => (await shown(s.page)).includes("**cancelled**"), "the transcript to say so");
  assert.match(await shown(s.page), /This far\./);
});

test("each run is counted as soon as it starts; which one to cancel is told by its prompt [matrix: cancel = status bar]", async () => {
  s.model.state.play = async (answer) => { for (let i = 0; !answer.gone; i++) { answer.say(`word ${i} of a long answer, [x](command:y) $(trash)${i % 4 ? " " : ".\n"}`); await sleep(50); } };
  await s.page.evaluate(() => {
    window.counts = [];
    const look = () => { for (const [found] of document.querySelector(".statusbar").innerText.matchAll(/\d+ runs?/g)) { if (window.counts.at(-1) !== found) { window.counts.push(found); } } };
    window.counting = new MutationObserver(look);
    window.counting.observe(document.querySelector(".statusbar"), { subtree: true, childList: true, characterData: true, attributes: true });
  });
  for (const number of [1, 2, 3]) {
    await s.page.keyboard.press(`Control+Alt+${number}`);
    await until(() => s.model.state.open === number, `stream ${number}`);
  }
  const cancel = s.page.locator(".statusbar-item").filter({ hasText: "Cancel" }), rows = s.page.locator(".quick-input-list .monaco-list-row");
  await s.page.locator(".statusbar-item").filter({ hasText: "3 runs" }).waitFor();
  assert.deepStrictEqual(await s.page.evaluate(() => { window.counting.disconnect(); return window.counts; }), ["1 run", "2 runs", "3 runs"]);
  await cancel.click();
  await rows.filter({ hasText: "Second of three" }).waitFor();
  await shot(s.page, "cancel-which");
  assert.strictEqual(await s.page.locator(".quick-input-list .codicon-trash").count(), 0); // What a model writes draws nothing.
  await choose(s.page, "Second of three");
  await until(() => s.model.state.open === 2, "the end of one");
  await cancel.click();
  await rows.filter({ hasText: "First of three" }).waitFor();
  assert.doesNotMatch((await rows.allInnerTexts()).join("\n"), /Second/);
  await choose(s.page, "First of three");
  await until(() => s.model.state.open === 1, "the end of another");
  await cancel.click(); // Of one there is no list.
  await until(() => s.model.state.open === 0, "the end of all");
});

test("a run on a selection shows a line and a lens at its place; the lens cancels it [matrix: progress = line and lens at the place] [matrix: cancel = lens]", async () => {
  const closed = s.model.state.closed;
  s.model.state.play = async (answer) => { for (let i = 0; !answer.gone; i++) { answer.say(`word${i} `); await sleep(100); } };
  await closeAll(s.page);
  await openFile(s.page, "app.py");
  await s.page.locator(".editor-group-container").first().locator(".view-line").filter({ hasText: "def mean" }).click();
  await s.page.keyboard.press("Home");
  await s.page.keyboard.press("Shift+ArrowDown");
  await s.page.keyboard.press("Shift+ArrowDown");
  await palette(s.page, "Inhouse: Run Agent on Selection…");
  await choose(s.page, "Reviewer");
  await prompt(s.page, "What about an empty list?");
  await lens(s.page, /^reviewer: writing · \d+ s · \d+ tokens/).waitFor({ timeout: 40000 });
  await until(async () => (await decorations(s.page)).includes("reviewer: writing"), "the line at the place");
  await shot(s.page, "inline");
  await lens(s.page, "Cancel").click();
  await until(() => s.model.state.closed > closed, "the connection to be closed");
  await lens(s.page, "Cancel").waitFor({ state: "detached" });
});

test("thinking is folded away, a tool call is one line, and Enter opens both", async () => {
  let turn = 0;
  s.model.state.play = async (answer) => {
    if (turn++ === 0) {
      answer.think("First I look at the file.\nThen I answer.");
      answer.say("I read the file.");
      answer.call("read_files", { paths: ["app.py"] });
    } else {
      await s.page.locator(".statusbar-item").filter({ hasText: /1 run · local · [\d.]+k? tokens/ }).waitFor(); // What the first answer took.
      answer.say("It sums the prices.");
    }
  };
  await run("Reviewer", "What does it do?");
  await until(async () => /It sums the prices\.[^]*\*\*completed\*\*/.test(await shown(s.page)), "the end");
  const text = await shown(s.page);
  assert.match(text, /▸ Thinking \(2 lines\)/);
  assert.doesNotMatch(text, /First I look/);
  assert.match(text, /✓ Read `app\.py`/);
  await s.page.locator(".view-line").filter({ hasText: "▸ Thinking" }).click();
  await s.page.keyboard.press("Enter");
  await until(async () => (await shown(s.page)).includes("First I look at the file."), "the thinking");
  await s.page.locator(".view-line").filter({ hasText: "✓ Read" }).click();
  await s.page.keyboard.press("Enter");
  await until(async () => (await shown(s.page)).includes('"app.py"'), "the tool's input");
  await shot(s.page, "opened");
});

test("a transcript is drawn without what costs time at each word, and can be seen as a page while it is written", async () => {
  let stop = false;
  s.model.state.play = async (answer) => { answer.say("## So far\n\nAs it *is*. "); while (!stop && !answer.gone) { await sleep(50); } };
  await closeAll(s.page);
  await openFile(s.page, "app.py");
  await run("Reviewer", "As a page");
  await until(async () => (await shown(s.page)).includes("As it *is*."), "text");
  const group = s.page.locator(".editor-group-container").last();
  await group.locator(".view-line").filter({ hasText: "## So far" }).click();
  assert.ok(await s.page.locator(".editor-group-container").first().locator(".minimap").isVisible());
  assert.ok(!await group.locator(".minimap").isVisible());
  assert.notStrictEqual(await group.locator(".view-line").filter({ hasText: "## So far" }).locator("span span").first().getAttribute("class"), "mtk1", "the colour of a title");
  await s.page.locator(".title .action-label[aria-label^='Open Preview to the Side']").click();
  await page("As it is.");
  stop = true;
  await until(() => s.model.state.open === 0, "the end");
  await page("completed");
});

test("Show Runs lists the runs and opens a transcript", async () => {
  await palette(s.page, "Inhouse: Show Runs…");
  const rows = s.page.locator(".quick-input-list .monaco-list-row");
  await rows.filter({ hasText: "cancelled" }).first().waitFor();
  await shot(s.page, "runs");
  await rows.filter({ hasText: "Never end" }).first().click();
  await page("This far.");
  await shot(s.page, "rendered");
});

test("the transcript of a run before the server's restart opens [matrix: old run = Show Runs]", async () => {
  await palette(s.page, "View: Close All Editors");
  await palette(s.page, "Inhouse: Restart Server");
  await palette(s.page, "Inhouse: Show Runs…");
  await s.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: "Never end" }).first().click({ timeout: 60000 });
  await page("This far.");
});

test("text that arrives fast is never shown out of order or twice", async () => {
  s.model.state.play = async (answer) => { for (let i = 0; i < 90; i++) { answer.say(`w${i} `); await sleep(15); } };
  await run("Reviewer", "Count");
  let looks = 0;
  await until(async () => {
    const text = await shown(s.page);
    const words = [...text.matchAll(/\bw(\d+)\b/g)].map(([, number]) => Number(number));
    assert.deepStrictEqual(words, words.map((_, index) => index), text);
    looks += words.length ? 1 : 0;
    return text.includes("**completed**");
  }, "the end");
  assert.ok(looks > 5, `${looks} looks`);
});

test("the menu of a definition in the explorer runs it and explains its route", async () => {
  const folder = s.page.getByRole("treeitem", { name: ".agents", exact: true });
  if ((await folder.getAttribute("aria-expanded")) !== "true") { await folder.click(); }
  const file = s.page.getByRole("treeitem", { name: "reviewer.ts", exact: true });
  await menu(file, "Explain Route…", () => shot(s.page, "explorer-menu"));
  const frame = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await frame.getByText("Where reviewer runs").waitFor({ timeout: 60000 });
  await palette(s.page, "View: Close Editor");
  s.model.state.play = async (answer) => { answer.say("From the menu."); };
  await menu(file, "Run Agent…");
  await type(s.page, "Hello from the menu", "reviewer");
  await until(async () => (await shown(s.page)).includes("From the menu."), "the answer");
});

test("Open Agent Definition shows the file of the agent", async () => {
  await palette(s.page, "Inhouse: Open Agent Definition…");
  await choose(s.page, "Fixer");
  await s.page.locator(".tab.active").filter({ hasText: "fixer.ts" }).waitFor();
  await until(async () => (await shown(s.page)).includes('id: "fixer"'), "the definition");
  await palette(s.page, "View: Close All Editors");
});

test("Explain Route shows every rule", async () => {
  await palette(s.page, "Inhouse: Explain Route…");
  await choose(s.page, "Reviewer");
  const frame = s.page.frameLocator("iframe.webview").first().frameLocator("iframe#active-frame");
  await frame.getByText("Where reviewer runs").waitFor({ timeout: 60000 });
  await shot(s.page, "route");
  await palette(s.page, "View: Close Editor");
});

test("the lenses of a definition explain its route and check its endpoint on pages", async () => {
  for (const [title, told] of [["Explain route", "Where reviewer runs"], ["Check endpoint", "local: answers in"]]) {
    await closeAll(s.page);
    await openFile(s.page, ".agents", "reviewer.ts");
    await lens(s.page, title).click();
    await page(told);
  }
  await shot(s.page, "lens-page");
  assert.strictEqual(await toast(s.page, "would run on").count(), 0);
  await closeAll(s.page); // A page that is still loading takes the keyboard.
});

test("what a server says of itself draws no picture and makes no link on the page of its check", async () => {
  const evil = (name) => `![${name}](https://pictures.example/${name}) <img src="https://pictures.example/${name}-tag"> [${name}](https://pictures.example/link)`;
  const asked = [], listen = (request) => { if (request.url().includes("pictures.example")) { asked.push(request.url()); } };
  const { models, refusal } = s.model.state, frame = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  s.page.on("request", listen);
  try {
    for (const [says, told] of [[{ models: ["test-model", `a\` ${evil("model")}`] }, "pictures.example/model"], [{ refusal: `No. ${evil("refusal")}` }, "pictures.example/refusal"]]) {
      Object.assign(s.model.state, says);
      await closeAll(s.page);
      await palette(s.page, "Inhouse: Check Endpoints");
      await page(told);
      await sleep(1000); // What would be loaded has been asked for.
      await shot(s.page, "hostile-page");
      assert.strictEqual(await frame.locator("img[src*='pictures.example'], a[href*='pictures.example']").count(), 0);
    }
    assert.deepStrictEqual(asked, []);
  } finally {
    s.page.off("request", listen);
    Object.assign(s.model.state, { models, refusal });
  }
  await closeAll(s.page);
});

test("an endpoint that is down is told, with its name; the prompt that met the error is in the box again", async () => {
  s.model.state.play = async (answer) => { answer.response.destroy(); };
  await run("Reviewer", "Anyone there?");
  await toast(s.page, /reviewer failed/).waitFor({ timeout: 60000 });
  await shot(s.page, "failed");
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  const box = s.page.locator('.quick-input-widget input[placeholder="What do you want?"]');
  await until(async () => (await box.inputValue()) === "Anyone there?", "the prompt");
  await shot(s.page, "failed-prompt");
  await s.page.keyboard.press("Escape");
});

test("an endpoint of VS Code's own settings that lacks a key gets one with its error's button, and uses it", async () => {
  await palette(s.page, "Notifications: Clear All Notifications");
  s.model.state.key = "sk-canary-0c47b3";
  await run("Reviewer", "Without a key?");
  await toast(s.page, /reviewer failed: .*no key is set/).getByRole("button", { name: "Set Key" }).click();
  await type(s.page, s.model.state.key, "API key for local");
  await toast(s.page, "The key for local is set.").waitFor();
  s.model.state.play = async (answer) => { answer.say("Now I may answer."); };
  await run("Reviewer", "And with one?");
  await until(async () => (await shown(s.page)).includes("Now I may answer."), "the answer");
  assert.strictEqual(s.model.requests.at(-1).headers.authorization, `Bearer ${s.model.state.key}`);
});
