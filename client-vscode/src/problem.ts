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

/** Words of models, servers and files as Markdown that shows them as they are, addresses without a link.  VS Code's own `appendText` glues the words of a line together. */
export function asMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-!~<>&|$:.@]/g, "\\$&").replace(/\r?\n/g, "  \n");
}

/** Lines of code as Markdown that wraps: what is wider than its view stays whole, where a block would hide its end. */
export function asCode(text: string): string {
  return text.split(/\r\n?|\n/).map((line) => {
    const fence = "`".repeat(Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length)) + 1), room = /^`|`$|^ .* $/.test(line) ? " " : "";
    return line.trim() && fence + room + line + room + fence;
  }).join("  \n");
}

/** Without signs that turn the direction of what follows: in a list, also that of the rows below. */
export const straight = (text: string): string => text.replace(/\p{Bidi_Control}/gu, "");

/** A text that VS Code shows as it is written: without links (`[x](command:…)`) and icons (`$(x)`). */
export function plain(text: string): string {
  return straight(text).replace(/\](?=[([])/g, "] ").replace(/\$(?=\()/g, "$ ");
}
