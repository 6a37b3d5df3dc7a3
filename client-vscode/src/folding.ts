/** What a transcript folds away: thinking, what sub-agents said, and what a tool was given.  Enter or a click opens it. */
import vscode = require("vscode");
import { parse, render } from "./details";
import { linksIn, named } from "./links";
import type { Runs } from "./runs";
import { runIdOf, SCHEME } from "./transcript";

interface Call {
  /** What it did, as a sentence; a call that only ends a step has none, and no line of its own. */
  did?: string;
  input: unknown;
  summary: string;
}

const FOLDED = /^[▸▾] /;
/** The mark of a call, whose it is, and the first words that are told of it. */
const TOOL = /^- [✓✗] (?:[\w.-]+: )?(Could not|\S+)/;
/** Runs whose calls can be opened: what they were given may be whole files. */
const MOST = 50;

export class Folding implements vscode.DocumentLinkProvider, vscode.Disposable {
  /** Those that ended, in the order in which their lines were written. */
  private readonly calls = new Map<string, Call[]>();
  private readonly given = new Map<string, Call>();
  private readonly opened = new Set<string>();
  /** What each document has to open or close, from its top. */
  private readonly folds = new Map<string, string[]>();
  private readonly parts: vscode.Disposable;

  /** *changed* has a document read again. */
  constructor(runs: Runs, private readonly changed: (uri: vscode.Uri) => void) {
    this.parts = vscode.Disposable.from(
      vscode.languages.registerDocumentLinkProvider({ scheme: SCHEME }, this),
      vscode.commands.registerCommand("inhouse.toggle", (uri?: string, key?: string) => { this.toggle(uri, key); }),
      runs.onDidStart(({ id }) => {
        this.calls.set(id, []);
        [...this.calls.keys()].slice(0, -MOST).forEach((oldest) => { this.calls.delete(oldest); });
      }),
      runs.onEvent(({ run, event }) => {
        if (event.kind === "tool_call") {
          this.given.set(`${event.runId} ${event.callId}`, { did: event.did, input: event.input, summary: "" });
        } else if (event.kind === "tool_result") {
          const id = `${event.runId} ${event.callId}`, call = this.given.get(id);
          this.given.delete(id);
          if (call && (!event.ok || call.did)) {
            this.calls.get(run.id)?.push({ ...call, summary: event.summary || "done" });
          }
        }
      }));
  }

  /** The server's text as it is shown. */
  view(uri: vscode.Uri, text: string): string {
    const calls = this.done(uri), key = uri.toString(), folds: string[] = [];
    const lines = render(parse(named(text)), {
      key, isOpen: (part) => this.opened.has(part), fold: (part) => { folds.push(part); },
    }).split("\n");
    this.folds.set(key, folds);
    let next = 0;
    return lines.map((line) => {
      const call = told(line, calls[next]);
      return call && this.opened.has(keyOf(uri, next++)) ? `${line}\n\n${indent(details(call))}\n` : line;
    }).join("\n");
  }

  async provideDocumentLinks(document: vscode.TextDocument, token: vscode.CancellationToken): Promise<vscode.DocumentLink[]> {
    const toggles = [...this.places(document)].map(({ line, key }) => {
      const target = vscode.Uri.parse(`command:inhouse.toggle?${encodeURIComponent(JSON.stringify([document.uri.toString(), key]))}`);
      const text = document.lineAt(line).text;
      const end = text.startsWith("- ") ? 4 + (/^[\w ]*[\w]/.exec(text.slice(4))?.[0].length ?? 0) : text.length;
      const link = new vscode.DocumentLink(new vscode.Range(line, text.startsWith("- ") ? 2 : 0, line, end), target);
      link.tooltip = "Open or close";
      return link;
    });
    return [...toggles, ...await linksIn(document, token)];
  }

  dispose(): void {
    this.parts.dispose();
  }

  /** Calls in the order in which their lines were written. */
  private done(uri: vscode.Uri): Call[] {
    return this.calls.get(runIdOf(uri) ?? "") ?? [];
  }

  private *places(document: vscode.TextDocument): Generator<{ line: number; key: string }> {
    const calls = this.done(document.uri), folds = this.folds.get(document.uri.toString()) ?? [];
    let fold = 0;
    let next = 0;
    for (let line = 0; line < document.lineCount; line++) {
      const text = document.lineAt(line).text;
      if (FOLDED.test(text) && fold < folds.length) {
        yield { line, key: folds[fold++] ?? "" };
      } else if (told(text, calls[next])) {
        yield { line, key: keyOf(document.uri, next++) };
      }
    }
  }

  /** Without arguments: what stands at the cursor. */
  private toggle(uri?: string, key?: string): void {
    const editor = vscode.window.activeTextEditor;
    const place = editor && [...this.places(editor.document)].find(({ line }) => line === editor.selection.active.line);
    const wanted = key ?? place?.key;
    const document = uri ? vscode.Uri.parse(uri) : editor?.document.uri;
    if (wanted && document) {
      if (!this.opened.delete(wanted)) {
        this.opened.add(wanted);
      }
      this.changed(document);
    }
  }
}

const keyOf = (uri: vscode.Uri, call: number): string => `${uri.toString()}#call ${call}`;

/** The call, where the line tells of it: a model may write marks of its own. */
function told(line: string, call: Call | undefined): Call | undefined {
  const said = TOOL.exec(line)?.[1];
  return said && (said === "Could not" || call?.did?.split(" ", 1)[0] === said) ? call : undefined;
}

const details = (call: Call): string => `\`\`\`json\n${JSON.stringify(call.input, undefined, 2)}\n\`\`\`\n${call.summary}`;
const indent = (text: string): string => text.split("\n").map((line) => `  ${line}`).join("\n");
