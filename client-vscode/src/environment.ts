/** The private Python environment that holds the server which comes with the extension. */
import { createHash, randomUUID } from "node:crypto";
import fs = require("node:fs/promises");
import path = require("node:path");
import type * as vscode from "vscode";
import { findPython, type Python } from "./python";
import { StartProblem, textOf } from "./problem";
import { ISOLATED, start } from "./processes";

export interface EnvironmentOptions {
  /** The extension's own folder on this machine. */
  storage: string;
  /** The folder with the server's wheel, and with all the others in an offline package. */
  bundle: string;
  setting: string;
  log: vscode.LogOutputChannel;
  /** Runs the installation where the user sees it. */
  withProgress<T>(work: (report: (message: string) => void, cancelled: AbortSignal) => Promise<T>): Promise<T>;
}

/** The environment's interpreter; makes the environment where it is missing. */
export async function environmentPython(options: EnvironmentOptions): Promise<string> {
  const wheel = await bundledWheel(options.bundle);
  const folder = path.join(options.storage, `server-${await fingerprint(wheel, options.setting)}`);
  if (await isReady(folder)) {
    return interpreterIn(folder);
  }
  const python = await findPython(options.setting);
  options.log.info(`Python ${python.version}: ${python.executable} (${python.source})`);
  await options.withProgress((report, cancelled) => install({ ...options, wheel, folder, python, report, cancelled }));
  await removeOthers(options.storage, path.basename(folder));
  return interpreterIn(folder);
}

const interpreterIn = (folder: string): string =>
  process.platform === "win32" ? path.join(folder, "Scripts", "python.exe") : path.join(folder, "bin", "python");

/** Complete, and the Python it was made from is still there. */
async function isReady(folder: string): Promise<boolean> {
  try {
    await fs.access(path.join(folder, "ready"));
    await fs.access(interpreterIn(folder));
    return true;
  } catch {
    return false;
  }
}

async function bundledWheel(bundle: string): Promise<string> {
  const names = await fs.readdir(bundle).catch(() => [] as string[]);
  const wheel = names.find((name) => name.startsWith("inhouse-") && name.endsWith(".whl"));
  if (!wheel) {
    throw new StartProblem("This build of the extension does not contain the server.  Package it with npm run package, or set inhouse.serverCommand.", ["showLog"]);
  }
  return path.join(bundle, wheel);
}

async function fingerprint(wheel: string, setting: string): Promise<string> {
  return createHash("sha256").update(await fs.readFile(wheel)).update(setting).digest("hex").slice(0, 12);
}

interface Installation extends EnvironmentOptions {
  wheel: string;
  folder: string;
  python: Python;
  report: (message: string) => void;
  cancelled: AbortSignal;
}

/** Builds beside the final place and renames, so that two windows or a crash leave nothing half done. */
async function install(work: Installation): Promise<void> {
  const draft = path.join(work.storage, `draft-${randomUUID()}`);
  try {
    await makeFolder(work.storage);
    work.report("Creating a private Python environment…");
    await run(work, work.python.executable, [ISOLATED, "-m", "venv", draft]);
    work.report("Installing the language server…");
    await run(work, interpreterIn(draft), await pipArguments(work));
    await fs.writeFile(path.join(draft, "ready"), `${work.python.executable} ${work.python.version}\n`);
    await moveInto(draft, work.folder);
  } finally {
    await fs.rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { recursive: true });
    await fs.access(folder, fs.constants.W_OK);
  } catch (error) {
    throw cannotWrite(folder, textOf(error));
  }
}

const cannotWrite = (folder: string, why: string): StartProblem =>
  new StartProblem(`The language server cannot be installed: ${folder} is not writable (${why}).  Make the folder writable and retry.`, ["retry", "showLog"]);

async function pipArguments(work: Installation): Promise<string[]> {
  const wheels = path.join(work.bundle, "wheels");
  const offline = await fs.access(wheels).then(() => ["--no-index", "--find-links", wheels], () => []);
  return [ISOLATED, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-color", "--retries", "1", "--timeout", "20",
    "--only-binary", ":all:", ...offline, work.wheel];
}

async function moveInto(draft: string, folder: string): Promise<void> {
  if (await isReady(folder)) {
    return; // Another window was faster.
  }
  await fs.rm(folder, { recursive: true, force: true });
  await fs.rename(draft, folder);
}

/** Environments of older versions; one that is still in use on Windows cannot go and waits for the next time. */
async function removeOthers(storage: string, keep: string): Promise<void> {
  for (const name of await fs.readdir(storage)) {
    if (name.startsWith("server-") && name !== keep) {
      await fs.rm(path.join(storage, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

function run(work: Installation, command: string, args: string[]): Promise<void> {
  work.log.info(`> ${command} ${args.join(" ")}`);
  return new Promise((resolve, reject) => {
    let tail = "";
    const child = start(command, args, { cwd: work.storage, cancelled: work.cancelled });
    const hear = (data: Buffer): void => {
      tail = (tail + data.toString()).slice(-8000);
      work.log.info(data.toString().trimEnd());
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", (error) => { reject(work.cancelled.aborted ? new StartProblem("The installation was cancelled.", ["retry"]) : explain(work, error.message)); });
    child.on("close", (code) => { if (code === 0) { resolve(); } else { reject(explain(work, tail)); } });
  });
}

const CAUSES: readonly [RegExp, (work: Installation) => StartProblem][] = [
  [/ensurepip is not\s+available|No module named '?(venv|ensurepip)/, (work) =>
    new StartProblem(`${work.python.executable} cannot create environments.  On Debian and Ubuntu: sudo apt install python3-venv.`, ["retry", "choosePython", "showLog"])],
  [/No space left|Permission denied|Read-only file system|PermissionError/, (work) => cannotWrite(work.storage, "see the log")],
  [/NewConnectionError|Name or service not known|Temporary failure in name resolution|getaddrinfo|Max retries|ConnectTimeout|ProxyError|Connection (refused|reset)|Network is unreachable/, () =>
    new StartProblem("The language server's libraries could not be downloaded: there is no network.  Connect and retry, or install the offline package of this extension.", ["retry", "showLog"])],
  [/No matching distribution|Could not find a version/, (work) =>
    new StartProblem(`The language server's libraries are not available for Python ${work.python.version} on this machine.  Choose another Python.  The log names the library.`, ["choosePython", "retry", "showLog"])],
];

function explain(work: Installation, output: string): StartProblem {
  const cause = CAUSES.find(([pattern]) => pattern.test(output));
  return cause ? cause[1](work) : new StartProblem("The language server could not be installed.  See the log.", ["retry", "showLog"]);
}
