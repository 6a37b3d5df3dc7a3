// Endpoints, keys, new agents and workspaces of several folders in the real workbench.
import assert from "node:assert";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { FILES, logOf, scene, testIn } from "./fixture.mjs";
import { agents, choose, openFolder, palette, shot, shown, temporary, toast, type, until, write } from "./workbench.mjs";

const KEY = "sk-canary-5f2a91";
let s;
const test = testIn(() => s);
before(async () => { s = await scene({ machine: { "inhouse.endpoints": {}, "inhouse.defaultEndpoint": null } }); }, { timeout: 180000 });
after(async () => { await s?.close(); });

test("Add Endpoint asks, tests the endpoint and writes it to the workspace's settings; its key goes to the model and nowhere else", async () => {
  await palette(s.page, "Inhouse: Add Endpoint…");
  await choose(s.page, "Another server");
  await type(s.page, s.model.url, "Where is it?");
  await type(s.page, "team", "What shall it be called?");
  await s.page.locator(".quick-input-widget").filter({ hasText: "API key" }).waitFor();
  await shot(s.page, "endpoint-key");
  await type(s.page, KEY, "API key");
  const answer = toast(s.page, "team answers: 1 model, on this machine.");
  await answer.waitFor({ timeout: 60000 });
  await shot(s.page, "endpoint-added");
  await answer.getByRole("button", { name: "Use by Default" }).click();
  const file = path.join(s.workspace, ".vscode/settings.json");
  await until(() => fs.existsSync(file) && fs.readFileSync(file, "utf8").includes("defaultEndpoint"), "the default");
  assert.deepStrictEqual(JSON.parse(fs.readFileSync(file, "utf8")), {
    "inhouse.endpoints": { team: { kind: "openai", baseUrl: s.model.url, apiKey: "${keyring:team}" } }, "inhouse.defaultEndpoint": "team" });
  s.model.state.play = async (reply) => { reply.say("With the key."); };
  await palette(s.page, "Inhouse: Run Agent…");
  await choose(s.page, "Reviewer");
  await type(s.page, "Hello");
  await until(async () => (await shown(s.page)).includes("With the key."), "the answer");
  assert.strictEqual(s.model.requests.at(-1).headers.authorization, `Bearer ${KEY}`);
  assert.doesNotMatch(logOf(s), new RegExp(KEY));
  const grep = (folder) => { try { return execFileSync("grep", ["-rlF", KEY, folder], { encoding: "utf8" }); } catch { return ""; } };
  assert.strictEqual(grep(s.workspace) + grep(path.join(s.workbench.data, "logs")) + grep(path.join(s.workbench.data, "inhouse")), "");
});

test("an endpoint that does not answer says why and can be taken back", async () => {
  await palette(s.page, "Inhouse: Add Endpoint…");
  await choose(s.page, "llama.cpp");
  await type(s.page, "http://127.0.0.1:9/v1", "Where is it?");
  await type(s.page, "dead", "What shall it be called?");
  const answer = toast(s.page, "dead:");
  await answer.waitFor({ timeout: 60000 });
  await shot(s.page, "endpoint-dead");
  await answer.getByRole("button", { name: "Remove It" }).click();
  await until(() => !fs.readFileSync(path.join(s.workspace, ".vscode/settings.json"), "utf8").includes("dead"), "the removal");
});

test("Check Endpoints shows what each one is and has", async () => {
  await palette(s.page, "Inhouse: Check Endpoints");
  const frame = s.page.frameLocator("iframe.webview").last().frameLocator("iframe#active-frame");
  await frame.getByText("team: answers in").waitFor({ timeout: 60000 });
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
  await type(s.page, "Who are you?");
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
