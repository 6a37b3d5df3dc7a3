/** What was attached or named with `#`: the server's own context by name, `@path` in the prompt. */
import vscode = require("vscode");

export interface Prompt {
  text: string;
  /** What could not be handed over, in words for the user. */
  left: string[];
}

/** The prompt with a name for each file; texts that are no file's stand behind it. */
export function promptOf(prompt: string, references: readonly vscode.ChatPromptReference[]): Prompt {
  const left: string[] = [], names: string[] = [], texts: string[] = [];
  let text = prompt;
  for (const reference of references) { // The last in the prompt comes first.
    const name = nameOf(reference.value);
    if (name !== undefined && reference.range) {
      text = text.slice(0, reference.range[0]) + name + text.slice(reference.range[1]);
    } else if (name !== undefined) {
      names.unshift(name);
    } else if (typeof reference.value === "string") {
      texts.unshift(block(reference.id, reference.value));
    } else {
      const document = documentOf(reference.value);
      if (document) {
        texts.unshift(block(document.uri.toString(), document.getText()));
      } else {
        left.push(reference.id);
      }
    }
  }
  return { text: [[text, ...names].filter(Boolean).join(" "), ...texts].join("\n\n"), left };
}

function nameOf(value: unknown): string | undefined {
  const { uri, range } = placeOf(value);
  if (uri?.scheme !== "file") {
    return undefined;
  }
  const many = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
  const path = (many ? uri.fsPath : vscode.workspace.asRelativePath(uri, false)).replaceAll('"', '\\"');
  return `@"${path}${range ? `:${range.start.line + 1}-${range.end.line + 1}` : ""}"`;
}

function placeOf(value: unknown): { uri?: vscode.Uri; range?: vscode.Range } {
  if (value instanceof vscode.Uri) {
    return { uri: value };
  }
  return value instanceof vscode.Location ? { uri: value.uri, range: value.range } : {};
}

/** A document that is no file yet. */
function documentOf(value: unknown): vscode.TextDocument | undefined {
  const { uri } = placeOf(value);
  return uri && vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri.toString());
}

function block(title: string, text: string): string {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map((run) => run[0].length + 1)));
  return `${title}:\n${fence}\n${text}\n${fence}`;
}
