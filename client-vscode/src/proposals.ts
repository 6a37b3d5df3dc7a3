/** Proposed changes where they would be made: in the text of their file, and as marks of files in lists. */
import vscode = require("vscode");
import type { Lists } from "./lists";
import type { Hunk } from "./protocol";

const colour = (id: string): vscode.ThemeColor => new vscode.ThemeColor(id);
/** A line has no room for more. */
const WIDTH = 160;

export function showProposals(lists: Lists): vscode.Disposable {
  const removed = vscode.window.createTextEditorDecorationType({
    backgroundColor: colour("diffEditor.removedTextBackground"),
    outline: "1px dashed", outlineColor: colour("diffEditor.removedTextBorder"), // High contrast has lines in place of backgrounds.
    overviewRulerColor: colour("editorOverviewRuler.modifiedForeground"), overviewRulerLane: vscode.OverviewRulerLane.Left,
  });
  const added = vscode.window.createTextEditorDecorationType({
    after: { margin: "0 0 0 2em", color: colour("gitDecoration.addedResourceForeground"), backgroundColor: colour("diffEditor.insertedTextBackground"),
      border: "1px dashed", borderColor: colour("diffEditor.insertedTextBorder") },
    overviewRulerColor: colour("editorOverviewRuler.addedForeground"), overviewRulerLane: vscode.OverviewRulerLane.Left,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
  });
  const decorated = new WeakSet<vscode.TextEditor>();
  const refresh = (): void => {
    for (const editor of vscode.window.visibleTextEditors) {
      const uri = editor.document.uri.toString();
      // A side of a diff has no column of its own: the diff shows the change already.
      const here = editor.viewColumn === undefined ? [] : lists.hunks.filter((hunk) => hunk.fits && sameFile(hunk.uri, uri));
      if (here.length || decorated.delete(editor)) {
        const marks = here.map((hunk) => marksOf(hunk, editor.document));
        editor.setDecorations(removed, marks.flatMap((each) => each.removed));
        editor.setDecorations(added, marks.flatMap((each) => each.added));
      }
      if (here.length) {
        decorated.add(editor);
      }
    }
  };
  const files = new Files(lists);
  return vscode.Disposable.from(
    removed, added, files,
    vscode.window.registerFileDecorationProvider(files),
    lists.onDidChangeHunks(refresh),
    vscode.window.onDidChangeVisibleTextEditors(refresh),
    vscode.window.onDidChangeTextEditorViewColumn(refresh)); // A column may be told after its editor.
}

/** Two spellings of one file's address are one file. */
export const sameFile = (one: string, other: string): boolean => one === other || vscode.Uri.parse(one).toString() === vscode.Uri.parse(other).toString();

interface Marks {
  removed: vscode.DecorationOptions[];
  added: vscode.DecorationOptions[];
}

/** The old lines, and the new text behind them line by line; what has no line of its own stands behind the last. */
function marksOf(hunk: Hunk, document: vscode.TextDocument): Marks {
  const hoverMessage = hover(hunk);
  if (hunk.kind === "delete") {
    const whole = new vscode.Range(0, 0, document.lineCount - 1, 0);
    return { removed: [{ range: whole, hoverMessage }], added: [behind(document, 0, `${hunk.agent} proposes to delete this file`, hoverMessage)] };
  }
  const start = hunk.range?.start.line ?? 0;
  const old = linesOf(hunk.old), fresh = linesOf(hunk.new);
  const removed = old.map((_, index) => ({ range: lineRange(document, start + index), hoverMessage }));
  if (!old.length) { // Between two lines.
    const text = start > 0 ? `⏎ ${joined(fresh)}` : `${joined(fresh)} ⏎ …`;
    return { removed, added: [behind(document, Math.max(start - 1, 0), text, hoverMessage)] };
  }
  const added = old.flatMap((line, index) => {
    const last = index === old.length - 1;
    const text = last ? joined(fresh.slice(index)) : fresh[index];
    return text === undefined || text === line ? [] : [behind(document, start + index, withoutIndent(text, line) || "⌫", hoverMessage)];
  });
  return { removed, added };
}

/** The indent of the line that it stands behind is seen there. */
function withoutIndent(text: string, line: string): string {
  const indent = /^\s*/.exec(line)?.[0] ?? "";
  return text.startsWith(indent) ? text.slice(indent.length) : text;
}

const linesOf = (text: string): string[] => text === "" ? [] : text.replace(/\r?\n$/, "").split(/\r?\n/);
const lineRange = (document: vscode.TextDocument, line: number): vscode.Range => document.lineAt(Math.min(line, document.lineCount - 1)).range;
const joined = (lines: readonly string[]): string => lines.length === 0 ? "(goes)" : lines.map((line, index) => index ? line.trim() : line).join(" ⏎ ");

function behind(document: vscode.TextDocument, line: number, text: string, hoverMessage: vscode.MarkdownString): vscode.DecorationOptions {
  const { end } = lineRange(document, line);
  const shown = text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text;
  // Spaces would run together; what steers a terminal or a text's direction says nothing here.
  const contentText = shown.replace(/\t/g, "    ").replace(/[\p{Cc}\p{Cf}]/gu, "�").replace(/ /g, "\u00a0");
  return { range: new vscode.Range(end, end), hoverMessage, renderOptions: { after: { contentText } } };
}

/** The whole change, as a diff; the fence is longer than any in the text. */
function hover(hunk: Hunk): vscode.MarkdownString {
  const body = [...linesOf(hunk.old).map((line) => `-${line}`), ...linesOf(hunk.new).map((line) => `+${line}`)].join("\n");
  const longest = Math.max(2, ...[...body.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  const message = new vscode.MarkdownString();
  message.appendText(`${hunk.agent} proposes:`);
  return message.appendMarkdown(`\n\n${fence}diff\n${body}\n${fence}\n`);
}

/** A mark behind the name of each file that waits: in the explorer, in tabs, in our lists. */
class Files implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri[] | undefined>();
  readonly onDidChangeFileDecorations = this.changed.event;
  private readonly listener: vscode.Disposable;
  private marked = "";
  /** By address, as VS Code writes it: each row of each list asks. */
  private byFile = new Map<string, Hunk[]>();

  constructor(private readonly lists: Lists) {
    this.listener = lists.onDidChangeHunks(() => {
      const marked = JSON.stringify(this.lists.hunks.map(({ uri, kind, agent }) => [uri, kind, agent]));
      if (marked !== this.marked) { // Not for each key that is typed above a change.
        this.marked = marked;
        this.byFile = new Map();
        for (const hunk of this.lists.hunks) {
          const file = vscode.Uri.parse(hunk.uri).toString(), known = this.byFile.get(file);
          if (known) { known.push(hunk); } else { this.byFile.set(file, [hunk]); }
        }
        this.changed.fire(undefined);
      }
    });
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    const here = this.byFile.get(uri.toString()), first = here?.[0];
    if (!here || !first) {
      return undefined;
    }
    const { badge, told, shade } = MARKS[first.kind];
    const decoration = new vscode.FileDecoration(badge, `${[...new Set(here.map(({ agent }) => agent))].join(", ")} ${told}`, colour(shade));
    decoration.propagate = true;
    return decoration;
  }

  dispose(): void {
    vscode.Disposable.from(this.listener, this.changed).dispose();
  }
}

const MARKS: Record<Hunk["kind"], { badge: string; told: string; shade: string }> = {
  change: { badge: "±", told: "proposes changes", shade: "gitDecoration.modifiedResourceForeground" },
  create: { badge: "+", told: "proposes to create this file", shade: "gitDecoration.addedResourceForeground" },
  delete: { badge: "−", told: "proposes to delete this file", shade: "gitDecoration.deletedResourceForeground" },
};
