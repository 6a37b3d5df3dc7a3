/** What a transcript folds away: thinking, what sub-agents said, and what a tool was given.  Enter or a click opens it. */
import vscode = require("vscode");
import { parse, render } from "./details";
import { linksIn, named } from "./links";
import type { Runs } from "./runs";
import { runIdOf, SCHEME } from "./transcript";

interface Call {
  id: string;
  tool: string;
  input: unknown;
  summary: string;
}

const FOLDED = /^[▸▾] /;
const TOOL = /^- [✓✗] /;
/** These tools have no line of their own. */
const SILENT = new Set(["end_turn", "task_completed"]);

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
      runs.onEvent(({ run, event }) => {
        const calls = this.calls.get(run.id) ?? [];
        this.calls.set(run.id, calls);
        if (event.kind === "tool_call") {
          this.given.set(`${run.id} ${event.callId}`, { id: event.callId, tool: event.tool, input: event.input, summary: "" });
        } else if (event.kind === "tool_result") {
          const call = this.given.get(`${run.id} ${event.callId}`);
          if (call && !(event.ok && SILENT.has(call.tool))) {
            calls.push({ ...call, summary: event.summary || "done" });
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
      const call = TOOL.test(line) ? calls[next++] : undefined;
      return call && this.opened.has(`${uri.toString()}#${call.id}`) ? `${line}\n\n${indent(details(call))}\n` : line;
    }).join("\n");
  }

  async provideDocumentLinks(document: vscode.TextDocument, token: vscode.CancellationToken): Promise<vscode.DocumentLink[]> {
    const toggles = [...this.places(document)].map(({ line, key }) => {
      const target = vscode.Uri.parse(`command:inhouse.toggle?${encodeURIComponent(JSON.stringify([document.uri.toString(), key]))}`);
      const text = document.lineAt(line).text;
      const end = TOOL.test(text) ? 4 + (/^[\w ]*[\w]/.exec(text.slice(4))?.[0].length ?? 0) : text.length;
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
      const call = TOOL.test(text) ? calls[next] : undefined;
      if (FOLDED.test(text) && fold < folds.length) {
        yield { line, key: folds[fold++] ?? "" };
      } else if (call) {
        next++;
        yield { line, key: `${document.uri.toString()}#${call.id}` };
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

const details = (call: Call): string => `\`\`\`json\n${JSON.stringify(call.input, undefined, 2)}\n\`\`\`\n${call.summary}`;
const indent = (text: string): string => text.split("\n").map((line) => `  ${line}`).join("\n");
