/** Why the server cannot start, in words that say what to do. */
export type Remedy = "choosePython" | "retry" | "showLog" | "trust";

export class StartProblem extends Error {
  constructor(message: string, readonly remedies: readonly Remedy[]) {
    super(message);
  }
}

/** The text of whatever was thrown. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
