/** Finding a Python that is new enough. */
import path = require("node:path");
import type { PythonExtension } from "@vscode/python-extension";
import vscode = require("vscode");
import { StartProblem } from "./problem";
import { findProgram, ISOLATED, output } from "./processes";

export const OLDEST = [3, 11] as const;

export interface Python {
  executable: string;
  version: string;
  /** Where it was found, for the log. */
  source: string;
}

interface Candidate {
  command: string;
  args: string[];
  source: string;
}

const PROBE = "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3])";

/** The first Python that is new enough; throws a StartProblem that says what was found instead. */
export async function findPython(setting: string): Promise<Python> {
  if (setting) {
    return ofSetting(setting);
  }
  const tooOld: string[] = [];
  for (const candidate of await candidates()) {
    const python = await probe(candidate);
    if (python && newEnough(python.version)) {
      return python;
    }
    if (python && !tooOld.includes(`${python.executable} (${python.version})`)) {
      tooOld.push(`${python.executable} (${python.version})`);
    }
  }
  const found = tooOld.length ? `Found only: ${tooOld.join(", ")}.` : "None was found on the PATH.";
  throw new StartProblem(`Inhouse needs Python ${OLDEST.join(".")} or newer.  ${found}`, ["choosePython", "retry", "showLog"]);
}

async function ofSetting(setting: string): Promise<Python> {
  const python = await probe({ command: setting, args: [], source: "setting inhouse.python" });
  if (python && newEnough(python.version)) {
    return python;
  }
  const why = python ? `is Python ${python.version}; it must be ${OLDEST.join(".")} or newer` : "cannot be run";
  throw new StartProblem(`The setting inhouse.python names ${setting}, which ${why}.`, ["choosePython", "retry", "showLog"]);
}

export function newEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

async function candidates(): Promise<Candidate[]> {
  const onPath = ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11"];
  const found = onPath.map((command) => ({ command, args: [] as string[], source: "PATH" }));
  if (process.platform === "win32") {
    found.unshift({ command: "py", args: ["-3"], source: "the py launcher" });
  }
  const interpreter = await ofPythonExtension();
  if (interpreter) {
    found.unshift({ command: interpreter, args: [], source: "the Python extension" });
  }
  return found;
}

/** The interpreter that is chosen there; the path of an environment alone may be that of its folder. */
async function ofPythonExtension(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  try {
    const environments = (await extension?.activate())?.environments;
    const chosen = await environments?.resolveEnvironment(environments.getActiveEnvironmentPath());
    const uri = chosen?.executable.uri;
    // An environment inside a workspace is the workspace's own program.
    const theirs = uri && !vscode.workspace.isTrusted && vscode.workspace.getWorkspaceFolder(uri);
    return theirs ? undefined : uri?.fsPath;
  } catch {
    return undefined; // Somebody else's extension: its trouble is not ours.
  }
}

/** Have the user choose one; gives whether they did. */
export async function choosePython(): Promise<boolean> {
  const [file] = (await vscode.window.showOpenDialog({ title: "A Python of version 3.11 or newer", openLabel: "Use This Python" })) ?? [];
  if (file) {
    await vscode.workspace.getConfiguration("inhouse").update("python", file.fsPath, vscode.ConfigurationTarget.Global);
  }
  return file !== undefined;
}

/** The folders that are open: their programs are not taken for ours. */
export const workspacePaths = (): string[] => (vscode.workspace.workspaceFolders ?? []).map((one) => one.uri.fsPath);

async function probe(candidate: Candidate): Promise<Python | undefined> {
  const program = await findProgram(candidate.command, workspacePaths());
  const out = program && await output(program, [...candidate.args, ISOLATED, "-c", PROBE], path.dirname(program));
  const [executable, version] = (out ?? "").trim().split(/\r?\n/);
  return executable && version ? { executable, version, source: candidate.source } : undefined;
}
