/** A model's own words in the chat.  VS Code draws Markdown without links to commands there, but knows marks of its own:
 * `<vscode_…>` makes a block of code the sign of a file that was edited, and a block `vscode-extensions` offers
 * extensions to install.  Only what happened is drawn so: in a model's words the marks are text.
 */

/** Shown as nothing; a mark that has it inside is none. */
const NOTHING = "\u200b";
const MARKS = /(<vs|[`~]{3}[ \t]*vs)(?=code\\?[_-])/g;
export class Words {
  private held = "";

  constructor(private readonly write: (text: string) => void) {}

  say(delta: string): void {
    const text = this.held + delta, end = begun(text);
    this.held = text.slice(end);
    this.out(text.slice(0, end));
  }

  /** Nothing more follows here. */
  end(): void {
    this.out(this.held);
    this.held = "";
  }

  private out(text: string): void {
    if (text) {
      this.write(text.replace(MARKS, `$1${NOTHING}`));
    }
  }
}

/** Where something begins at the end of a text that may become a mark with the words that come next.  No expression: a model may say a million backquotes. */
function begun(text: string): number {
  let at = text.length - (/[\w\\-]{0,8}$/.exec(text.slice(-8))?.[0].length ?? 0);
  if (text.charAt(at - 1) === "<") {
    return at - 1;
  }
  const before = (these: string): boolean => at > 0 && these.includes(text.charAt(at - 1));
  while (before(" \t")) { at--; }
  const fence = at;
  while (before("`~")) { at--; }
  return at < fence ? at : text.length;
}
