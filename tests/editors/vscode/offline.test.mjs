// The offline package on a machine without a network: in a network namespace that has the loopback alone.
import assert from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import dns from "node:dns/promises";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { FILES } from "./fixture.mjs";
import { startModel } from "./model.mjs";
import { CLIENT, choose, launchBrowser, openFolder, palette, shot, shown, startWorkbench, temporary, toast, until, write, prompt } from "./workbench.mjs";

const INSIDE = process.env.INHOUSE_OFFLINE_VSIX;
const version = () => execFileSync("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"], { encoding: "utf8" }).trim();
const WAYS = [["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]];
const way = () => WAYS.find(([command, ...args]) => spawnSync(command, [...args, "ip", "link", "set", "lo", "up"]).status === 0);

if (INSIDE) {
  test("the offline package installs its server inside VS Code and runs an agent, without a network", { timeout: 300000 }, async () => {
    assert.deepStrictEqual(Object.keys(os.networkInterfaces()), ["lo"]);
    await assert.rejects(dns.lookup("example.com"));
    const model = await startModel(async (answer) => { answer.say("Hello from nowhere."); });
    const workbench = await startWorkbench({ vsix: INSIDE, settings: { "inhouse.endpoints": { local: { baseUrl: model.url } }, "inhouse.defaultEndpoint": "local" } });
    const browser = await launchBrowser();
    try {
      const page = await openFolder(browser, workbench, write(temporary("inhouse-ws-"), FILES));
      await toast(page, "Inhouse, first start").waitFor({ timeout: 90000 });
      await toast(page, "Inhouse, first start").waitFor({ state: "detached", timeout: 200000 });
      await palette(page, "Inhouse: Run Agent…");
      await choose(page, "Reviewer");
      await prompt(page, "Hello");
      await until(async () => (await shown(page)).includes("Hello from nowhere."), "the answer");
      await shot(page, "offline");
    } finally {
      await browser.close();
      await workbench.stop();
      await model.stop();
    }
  });
} else {
  const namespace = way();
  test("the offline package works without a network", { timeout: 590000, skip: namespace ? false : "NOT TESTED: this machine gives no network namespace (unshare --net)" }, () => {
    const vsix = path.join(temporary("inhouse-offline-"), "offline.vsix");
    execFileSync("npm", ["run", "--silent", "package:offline", "--", "--out", vsix], { cwd: CLIENT, stdio: "pipe", env: { ...process.env, PYTHON_VERSIONS: version() } });
    console.log(`offline package: ${(fs.statSync(vsix).size / 1e6).toFixed(1)} MB`);
    const [command, ...args] = namespace;
    const environment = { ...process.env, INHOUSE_OFFLINE_VSIX: vsix, NODE_TEST_CONTEXT: undefined };
    const inside = spawnSync(command, [...args, "sh", "-c", "ip link set lo up && exec \"$0\" --test --test-reporter=spec \"$1\"", process.execPath, import.meta.filename], { encoding: "utf8", env: environment });
    assert.strictEqual(inside.status, 0, inside.stdout + inside.stderr);
    assert.match(inside.stdout, /pass 1/);
  });
}
