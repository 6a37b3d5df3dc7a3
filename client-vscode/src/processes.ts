/**
 * The one place that starts a process: an absolute program, in a folder of ours, and Python that looks at neither the
 * current folder nor PYTHON*.
 */
import { execFile, spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from "node:child_process";
import fs = require("node:fs/promises");
import os = require("node:os");
import path = require("node:path");

/** For Python that is ours: isolated from the current folder, from PYTHON* and from the user's own packages. */
export const ISOLATED = "-I";

export interface Starting {
  /** Never a workspace. */
  cwd: string;
  cancelled?: AbortSignal;
  env?: NodeJS.ProcessEnv;
}

/** Starts a program and hands it to whoever speaks with it. */
export function start(program: string, args: readonly string[], { cwd, cancelled, env }: Starting): ChildProcessWithoutNullStreams {
  if (!path.isAbsolute(program)) {
    throw new Error(`${program} is not a whole path`);
  }
  return spawn(program, args, { cwd, windowsHide: true, signal: cancelled, env: { ...withoutPython(), ...env } });
}

/** What a program says, or undefined where it fails or takes too long. */
export function output(program: string, args: readonly string[], cwd: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, timeout: 10_000, killSignal: "SIGKILL", windowsHide: true, env: withoutPython() }, (error, out) => {
      resolve(error ? undefined : out);
    });
  });
}

/** Starts the command of the user's own setting, as it stands there: in a trusted workspace's folder, for which it was
 * written, and else in the home folder.  `uv run` and its like obey the files of the folder they start in.
 */
export function startCommand(command: string, args: readonly string[], workspace: readonly string[], isTrusted: boolean): ChildProcess {
  const cwd = (isTrusted ? workspace[0] : undefined) ?? os.homedir();
  return spawn(command, args, { cwd, windowsHide: true, env: { ...process.env, PYTHONSAFEPATH: "1", PYTHONUTF8: "1" } });
}

/** The whole path of a program.
 *
 * An entry of the PATH that is empty or relative means the current folder, and does not count; nor does one in a
 * folder of `workspace`, unless that holds the user's home and with it the user's own programs.
 */
export async function findProgram(name: string, workspace: readonly string[]): Promise<string | undefined> {
  if (path.isAbsolute(name)) {
    return name;
  }
  const ends = process.platform === "win32" ? (process.env.PATHEXT ?? ".COM;.EXE;.BAT;.CMD").split(";") : [""];
  const home = await real(os.homedir());
  const theirs = (await Promise.all(workspace.map(real))).filter((folder) => !isBelow(home, folder));
  for (const folder of (process.env.PATH ?? "").split(path.delimiter).filter((each) => path.isAbsolute(each))) {
    const there = await real(folder);
    for (const end of theirs.some((each) => isBelow(there, each)) ? [] : ends) {
      const file = path.join(folder, name + end);
      if (await fs.access(file, fs.constants.X_OK).then(() => true, () => false)) {
        return file;
      }
    }
  }
  return undefined;
}

const real = (folder: string): Promise<string> => fs.realpath(folder).catch(() => path.resolve(folder));

function isBelow(folder: string, top: string): boolean {
  const way = path.relative(top, folder);
  return way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
}

function withoutPython(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^PYTHON/i.test(name));
  return { ...Object.fromEntries(kept), PYTHONSAFEPATH: "1", PYTHONUTF8: "1" };
}
