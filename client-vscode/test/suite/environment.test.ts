import * as assert from "node:assert";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { environmentPython, type EnvironmentOptions } from "../../src/environment";
import { findPython, newEnough } from "../../src/python";
import { StartProblem } from "../../src/problem";

suite("The private environment", () => {
  let folder: string;
  let log: vscode.LogOutputChannel;
  const kept = { ...process.env };

  suiteSetup(() => { log = vscode.window.createOutputChannel("Inhouse test", { log: true }); });
  suiteTeardown(() => { log.dispose(); });
  setup(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), "inhouse-env-")); });
  teardown(() => {
    for (const name of ["PATH", "PIP_INDEX_URL", "PIP_CONFIG_FILE"]) {
      if (kept[name] === undefined) { Reflect.deleteProperty(process.env, name); } else { process.env[name] = kept[name]; }
    }
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const bundle = (): string => {
    const at = path.join(folder, "bundle");
    fs.mkdirSync(at, { recursive: true });
    fs.copyFileSync(path.join(__dirname, "../../../test/fixtures/inhouse-0.0.0-py3-none-any.whl"), path.join(at, "inhouse-0.0.0-py3-none-any.whl"));
    return at;
  };
  const options = (more: Partial<EnvironmentOptions> = {}): EnvironmentOptions => ({
    storage: path.join(folder, "storage"), bundle: bundle(), setting: "", log,
    withProgress: (work) => work(() => undefined, new AbortController().signal), ...more,
  });
  const script = (name: string, text: string): string => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return file;
  };
  const problem = async (work: Promise<unknown>): Promise<StartProblem> => {
    try {
      await work;
    } catch (error) {
      assert.ok(error instanceof StartProblem, String(error));
      return error;
    }
    throw new Error("it worked");
  };

  test("versions are compared as numbers", () => {
    assert.deepStrictEqual(["3.11.0", "3.14.1", "4.0.0", "3.9.18", "2.7.18"].map(newEnough), [true, true, true, false, false]);
  });

  test("without any Python the message says which one is needed", async () => {
    process.env.PATH = folder;
    const { message, remedies } = await problem(findPython(""));
    assert.match(message, /needs Python 3\.11 or newer.*None was found/);
    assert.deepStrictEqual(remedies, ["choosePython", "retry", "showLog"]);
  });

  test("a Python that is too old is named with its version", async () => {
    script("python3", "echo /opt/old/python3; echo 3.9.2");
    process.env.PATH = folder;
    assert.match((await problem(findPython(""))).message, /Found only: \/opt\/old\/python3 \(3\.9\.2\)/);
  });

  test("a newer Python is found behind an older one", async () => {
    script("python3", "echo /opt/old/python3; echo 3.9.2");
    script("python3.12", "echo /opt/new/python3.12; echo 3.12.4");
    process.env.PATH = folder;
    assert.strictEqual((await findPython("")).executable, "/opt/new/python3.12");
  });

  test("a setting that names no Python is not silently passed over", async () => {
    assert.match((await problem(findPython("/nowhere/python"))).message, /inhouse\.python names \/nowhere\/python, which cannot be run/);
  });

  test("without a network the message says what to do, and nothing half done is left", async () => {
    process.env.PIP_INDEX_URL = "http://127.0.0.1:9/simple";
    process.env.PIP_CONFIG_FILE = os.devNull;
    const { message, remedies } = await problem(environmentPython(options()));
    assert.match(message, /there is no network.*Connect and retry, or install the offline package/);
    assert.ok(remedies.includes("retry"));
    assert.deepStrictEqual(fs.readdirSync(path.join(folder, "storage")), []);
  });

  test("a folder that cannot be written is named", async () => {
    fs.writeFileSync(path.join(folder, "file"), "");
    const { message } = await problem(environmentPython(options({ storage: path.join(folder, "file", "storage") })));
    assert.match(message, /file\/storage is not writable .*Make the folder writable and retry/);
  });

  test("a Python without venv says how to get it", async () => {
    const python = script("python", 'case "$*" in "-I -c"*) echo $0; echo 3.12.0;; *) echo "ensurepip is not available" >&2; exit 1;; esac');
    assert.match((await problem(environmentPython(options({ setting: python })))).message, /apt install python3-venv/);
  });

  test("a build without a server says so", async () => {
    assert.match((await problem(environmentPython(options({ bundle: path.join(folder, "none") })))).message, /does not contain the server/);
  });

  test("cancelling leaves nothing behind", async () => {
    const abort = new AbortController();
    const python = script("python", 'case "$*" in "-I -c"*) echo $0; echo 3.12.0;; *) exec sleep 60;; esac');
    const work = environmentPython(options({ setting: python, withProgress: (run) => run(() => undefined, abort.signal) }));
    setTimeout(() => { abort.abort(); }, 300);
    assert.match((await problem(work)).message, /cancelled/);
    assert.deepStrictEqual(fs.readdirSync(path.join(folder, "storage")), []);
  });
});
