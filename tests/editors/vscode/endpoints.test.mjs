// Endpoints, keys, new agents and workspaces of several folders in the real workbench.
import assert from "node:assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { FILES, NO_LOG, logOf, scene, testIn } from "./fixture.mjs";
import { agents, choose, closeAll, openFolder, palette, shot, shown, sleep, temporary, toast, type, until, write, prompt } from "./workbench.mjs";

const KEY = "sk-canary-5f2a91", NEW_KEY = "sk-canary-81d2e7", PROMPT = "prompt-canary-77c0";
let s;
const test = testIn(() => s);
before(async () => { s = await scene({ log: "trace", machine: { "inhouse.endpoints": {}, "inhouse.defaultEndpoint": null, "inhouse.trace": "verbose" } }); }, { timeout: 300000 });
/** The user's own settings, which every door reads. */
const user = () => path.join(s.workbench.data, "inhouse/config/config.toml");
/** The files of the workspace and of everything that VS Code and the server keep that hold a text. */
const holding = (text) => spawnSync("grep", ["-rlaF", text, s.workspace, s.workbench.data], { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
after(async () => { await s?.close(); });

test("with nothing configured, what could serve is asked for before a prompt is", async () => {
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  const choices = s.page.locator(".quick-input-widget").filter({ hasText: "No model serves 'reviewer' yet." });
  await choices.locator(".monaco-list-row").filter({ hasText: "Another address…" }).waitFor();
  const listed = (await choices.locator(".monaco-list-row").allInnerTexts()).join("\n");
  for (const provider of ["Ollama", "OpenRouter", "OpenAI"]) { assert.match(listed, new RegExp(provider)); }
  await shot(s.page, "endpoint-choices");
  await s.page.keyboard.press("Escape");
  await choices.waitFor({ state: "hidden" });
  assert.strictEqual(await s.page.locator('.quick-input-widget input[placeholder="What do you want?"]').count(), 0);
});

test("an address that is none, or where nobody answers, stays in its box with the reason; nothing is written before a server answers", async () => {
  const box = s.page.locator(".quick-input-widget").filter({ hasText: "Where is the server?" }), dialog = s.page.locator(".monaco-dialog-box");
  await palette(s.page, "Inhouse: Add Endpoint…");
  await choose(s.page, "Another address…");
  await type(s.page, "local host:9", "Where is the server?");
  await box.filter({ hasText: "no spaces" }).waitFor();
  assert.strictEqual(await box.locator("input").first().inputValue(), "local host:9");
  await type(s.page, "127.0.0.1:9", "no spaces");
  await dialog.filter({ hasText: "nothing listens at 127.0.0.1:9" }).waitFor();
  await shot(s.page, "endpoint-dead");
  assert.doesNotMatch(await dialog.innerText(), /inhouse\.endpoints/); // There is no such setting yet.
  await dialog.getByRole("button", { name: "Change the Address" }).click();
  await box.filter({ hasText: "nothing listens" }).waitFor();
  assert.strictEqual(await box.locator("input").first().inputValue(), "127.0.0.1:9");
  await s.page.keyboard.press("Escape");
  await box.waitFor({ state: "hidden" });
  assert.ok(!fs.existsSync(user()));
});

test("Add Endpoint asks the server, refuses a wrong key, and writes to the user's own settings; the key goes to the model and nowhere else", async () => {
  s.model.state.key = KEY;
  await palette(s.page, "Inhouse: Add Endpoint…");
  await choose(s.page, "Another address…");
  await type(s.page, s.model.url, "Where is the server?");
  await type(s.page, "sk-wrong-1234567", "API key for");
  await s.page.locator(".quick-input-widget").filter({ hasText: /refuse|key/ }).filter({ hasText: "API key for" }).waitFor();
  await shot(s.page, "endpoint-key");
  assert.ok(!fs.existsSync(user())); // A refused key is no endpoint.
  await type(s.page, KEY, "API key for");
  await until(() => fs.existsSync(user()) && fs.readFileSync(user(), "utf8").includes("defaultEndpoint"), "the endpoint");
  const written = fs.readFileSync(user(), "utf8");
  assert.match(written, /defaultEndpoint = "local"/); // The first one.
  assert.match(written, /apiKey = "\$\{keyring:local\}"/);
  assert.match(written, /"\*" = "test-model"/);
  s.model.state.play = async (reply) => { reply.say("With the key."); };
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  await prompt(s.page, PROMPT);
  await until(async () => (await shown(s.page)).includes("With the key."), "the answer");
  assert.strictEqual(s.model.requests.at(-1).headers.authorization, `Bearer ${KEY}`);
  assert.deepStrictEqual(holding(KEY), []);
  assert.notDeepStrictEqual(holding(PROMPT), []); // The same search finds what is kept on purpose: the run's transcript.
});

/** Traces that say most: the server's, which is the user's own to set (a workspace may only have less told), then the client's, in the words that its library knows. */
const TRACES = [{}, { "inhouse.trace.server": "verbose" }, { "inhouse.trace.server": { verbosity: "verbose", format: "json" } }];

test("no log holds the key, whatever is traced: the server's own trace, or the client's", async () => {
  const settings = path.join(s.workspace, ".vscode/settings.json"), before = {};
  fs.mkdirSync(path.dirname(settings), { recursive: true });
  for (const [number, trace] of TRACES.entries()) {
    fs.writeFileSync(settings, JSON.stringify({ ...before, ...trace }));
    await sleep(1500); // VS Code reads the file again a moment later.
    await palette(s.page, "Inhouse: Restart Server"); // The key is handed over again, from the secret storage.
    await palette(s.page, "Inhouse: Run Agent…");
    await choose(s.page, "Reviewer");
    await prompt(s.page, `${PROMPT} ${number}`);
    await until(async () => (await shown(s.page)).includes(`${PROMPT} ${number}`) && (await shown(s.page)).includes("**completed**"), "the end");
    assert.strictEqual(s.model.requests.at(-1).headers.authorization, `Bearer ${KEY}`);
  }
  fs.writeFileSync(settings, JSON.stringify(before));
  const log = logOf(s, Infinity);
  assert.match(log, new RegExp(`${PROMPT} 0`)); // The server's trace tells what is asked.
  assert.match(log, /Sending request 'workspace\/executeCommand/);
  assert.doesNotMatch(log, new RegExp(KEY));
  assert.deepStrictEqual(holding(KEY), []);
}, { skip: NO_LOG });

test("an endpoint that does not answer says why and is not added", async () => {
  await palette(s.page, "Inhouse: Add Endpoint…");
  await choose(s.page, "Another address…");
  await type(s.page, "http://127.0.0.1:9/v1", "Where is the server?");
  const dialog = s.page.locator(".monaco-dialog-box").filter({ hasText: "127.0.0.1:9" });
  await dialog.waitFor({ timeout: 60000 });
  await shot(s.page, "endpoint-dead");
  await dialog.getByRole("button", { name: "Add It Anyway" }).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.doesNotMatch(fs.readFileSync(user(), "utf8"), /127.0.0.1:9/);
});

test("a server that is not started is one button away from its start; a refused key, from a new one", async () => {
  const settings = path.join(s.workspace, ".vscode/settings.json"), before = fs.existsSync(settings) ? fs.readFileSync(settings, "utf8") : "{}";
  fs.mkdirSync(path.dirname(settings), { recursive: true });
  fs.writeFileSync(settings, JSON.stringify({ "inhouse.endpoints": { ollama: { baseUrl: "http://127.0.0.2:11434/v1" } }, "inhouse.defaultEndpoint": "ollama" }));
  /** Ask until the run goes where the settings say: VS Code reads their file a moment later. */
  const ask = (words, endpoint) => until(async () => {
    await closeAll(s.page);
    await palette(s.page, "Inhouse: Run Agent…");
    await choose(s.page, "Reviewer");
    await prompt(s.page, words);
    return (await until(async () => /test-model on (\w+) /.exec(await shown(s.page))?.[1], "the run's place")) === endpoint;
  }, `a run on ${endpoint}`);
  await ask("Is anyone there?", "ollama");
  const down = toast(s.page, /reviewer failed: Cannot reach endpoint 'ollama'/);
  await down.waitFor();
  await shot(s.page, "endpoint-start");
  await down.getByRole("button", { name: "Start Ollama" }).click();
  await until(async () => (await s.page.locator(".part.panel").innerText()).includes("ollama serve"), "the terminal that starts it");
  await shot(s.page, "endpoint-starting");
  await palette(s.page, "Terminal: Kill All Terminals");
  fs.writeFileSync(settings, before);
  s.model.state.key = NEW_KEY; // The old one is refused from now on.
  await ask("And here?", "local");
  const refused = toast(s.page, /reviewer failed:.*key/);
  await refused.waitFor();
  await shot(s.page, "endpoint-refused");
  const kept = fs.readFileSync(user(), "utf8");
  await refused.getByRole("button", { name: "Set Key" }).click();
  await type(s.page, "sk-wrong-7654321", "API key for local (127.0.0.1");
  await s.page.locator(".quick-input-widget").filter({ hasText: /refused/ }).filter({ hasText: "API key for local" }).waitFor(); // It was tried.
  await shot(s.page, "endpoint-new-key");
  await type(s.page, NEW_KEY, "API key for local");
  await toast(s.page, "The key for local is set.").filter({ hasText: "inhouse key set local" }).waitFor();
  s.model.state.play = async (reply) => { reply.say("With the new key."); };
  await ask("And now?", "local");
  await until(async () => (await shown(s.page)).includes("With the new key."), "the answer");
  assert.strictEqual(s.model.requests.at(-1).headers.authorization, `Bearer ${NEW_KEY}`);
  assert.deepStrictEqual(holding(NEW_KEY), []);
  assert.strictEqual(fs.readFileSync(user(), "utf8"), kept); // The key alone is new, and where it is kept is as before.
  await palette(s.page, "Inhouse: Set API Key…"); // The palette's way to the same: an endpoint is chosen first.
  const keys = s.page.locator(".quick-input-widget").filter({ hasText: "Set which key?" });
  await keys.locator(".monaco-list-row").filter({ hasText: "stored: replace or delete it" }).waitFor();
  await shot(s.page, "endpoint-keys");
  await keys.locator(".monaco-list-row").filter({ hasText: s.model.url }).click();
  await s.page.locator(".quick-input-widget").filter({ hasText: "API key for local (127.0.0.1" }).waitFor();
  await s.page.keyboard.press("Escape");
});

test("without the chat's view, Open Chat runs an agent", async () => {
  await palette(s.page, "Inhouse: Open Chat");
  await s.page.locator(".quick-input-widget").filter({ hasText: "Run an agent" }).waitFor();
  await s.page.keyboard.press("Escape");
});

test("Check Endpoints shows what each one is and has", async () => {
  await palette(s.page, "Inhouse: Check Endpoints");
  const frame = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await frame.getByText("local: answers in").waitFor({ timeout: 60000 });
  await frame.getByText("test-model").first().waitFor();
  await shot(s.page, "endpoints");
  await palette(s.page, "View: Close Editor");
});

test("New Agent writes a template that runs as it is [matrix: agents changed]", async () => {
  await palette(s.page, "Inhouse: New Agent…");
  await type(s.page, "sage", "New agent");
  await s.page.locator(".tab.active").filter({ hasText: "sage.ts" }).waitFor();
  await until(async () => {
    const names = await agents(s.page);
    return names.some((name) => name.includes("Sage")) || (await s.page.keyboard.press("Escape"));
  }, "the agent in the picker");
  await choose(s.page, "Sage");
  s.model.state.play = async (reply) => { reply.say("I am the new one."); };
  await prompt(s.page, "Who are you?");
  await until(async () => (await shown(s.page)).includes("I am the new one."), "the answer");
});

test("a workspace of two folders has the agents of both", async () => {
  const root = write(temporary("inhouse-multi-"), {
    "one/.agents/reviewer.ts": FILES[".agents/reviewer.ts"], "one/a.py": "a = 1\n", "two/.agents/fixer.ts": FILES[".agents/fixer.ts"], "two/b.py": "b = 2\n",
    "both.code-workspace": JSON.stringify({ folders: [{ path: "one" }, { path: "two" }] }) });
  const page = await openFolder(s.browser, s.workbench, path.join(root, "both.code-workspace"));
  await palette(page, "Inhouse: Run Agent…");
  const rows = page.locator(".quick-input-list .monaco-list-row");
  await rows.filter({ hasText: "Reviewer" }).waitFor({ timeout: 60000 });
  await rows.filter({ hasText: "Fixer" }).waitFor();
  await page.close();
});

test("the walkthrough leads through the first five minutes", async () => {
  await closeAll(s.page);
  await palette(s.page, "Notifications: Clear All Notifications");
  await s.page.setViewportSize({ width: 1600, height: 900 }); // A narrow window shows no pages beside the steps.
  await palette(s.page, "Welcome: Open Walkthrough");
  await choose(s.page, "Your first agent in five minutes");
  await s.page.getByText("Choose where agents run").first().waitFor({ timeout: 60000 });
  await s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame").getByText("stays in VS Code's secret storage").waitFor({ timeout: 60000 });
  await shot(s.page, "walkthrough");
  await s.page.getByText("Write an agent").first().click();
  await s.page.getByRole("button", { name: "New agent" }).waitFor();
  await shot(s.page, "walkthrough-agent");
});
