/** Why the server cannot start, in words that say what to do. */
export type Remedy = "choosePython" | "retry" | "showLog" | "trust";

export class StartProblem extends Error {
  constructor(message: string, readonly remedies: readonly Remedy[]) {
    super(message);
  }
}

/** The text of whatever was thrown; it may be in words of a model, a server or a workspace. */
export function textOf(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error));
}

/** A text that VS Code shows as it is written: without links (`[x](command:…)`) and icons (`$(x)`). */
export function plain(text: string): string {
  return text.replace(/\](?=[([])/g, "] ").replace(/\$(?=\()/g, "$ ");
}
