/** Reviewing what an agent wants to change, in VS Code's own diff: a file or a hunk at a time. */
import * as path from "node:path";
import * as vscode from "vscode";
import type { Position } from "./protocol";
import type { Server } from "./server";
import { Rereading } from "./transcript";

const SCHEME = "inhouse-diff";

interface Hunk {
  id: string;
  agent: string;
  uri: string;
  kind: "change" | "create" | "delete";
  fits: boolean;
  /** Where it stands in the file of now. */
  range: { start: Position; end: Position } | null;
  old: string;
  new: string;
}

interface Preview {
  uri: string;
  original: string | null;
  proposed: string | null;
  hunks: Hunk[];
}

/** The texts of the diff's sides: `inhouse-diff:/path/of/file.py?proposed`. */
export class Review implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly diffs = new Rereading((uri) => { this.changed.fire(uri); });
  private readonly provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);

  constructor(private readonly server: Server) {}

  commands(): Record<string, (...args: never[]) => unknown> {
    const here = (act: "apply" | "reject", whole: boolean) => () => this.decideHere(act, whole);
    return {
      reviewEdits: (run?: unknown) => this.review(typeof run === "string" ? run : undefined),
      "diff.applyHunk": here("apply", false),
      "diff.rejectHunk": here("reject", false),
      "diff.applyFile": here("apply", true),
      "diff.rejectFile": here("reject", true),
    };
  }

  /** The server's own “Show diff”, drawn by VS Code. */
  async show(argument: { uri?: string; runId?: string } | undefined): Promise<void> {
    await (argument?.uri ? this.open(argument.uri) : this.review(argument?.runId));
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    if (uri.query === "nothing") {
      return "";
    }
    const proposed = (await this.preview(fileOf(uri).toString()))?.proposed ?? "";
    this.diffs.given(uri, proposed);
    return proposed;
  }

  /** Something was proposed or decided: what shows it is read again. */
  async refresh(): Promise<void> {
    const waiting = new Set((await this.waiting()).map((hunk) => vscode.Uri.parse(hunk.uri).toString()));
    for (const tab of vscode.window.tabGroups.all.flatMap((group) => group.tabs)) {
      if (tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.scheme === SCHEME) {
        if (waiting.has(fileOf(tab.input.modified).toString())) {
          this.diffs.changed(tab.input.modified);
        } else {
          await vscode.window.tabGroups.close(tab, true);
        }
      }
    }
    await vscode.commands.executeCommand("setContext", "inhouse.proposals", waiting.size > 0);
  }

  dispose(): void {
    this.provider.dispose();
    this.diffs.dispose();
    this.changed.dispose();
  }

  private waiting(runId?: string): Promise<Hunk[]> {
    return this.server.execute<Hunk[]>("inhouse.edits", runId ? { runId } : undefined);
  }

  private async review(runId?: string): Promise<void> {
    const hunks = await this.waiting(runId);
    const files = [...new Set(hunks.map((hunk) => hunk.uri))];
    if (!files.length) {
      void vscode.window.showInformationMessage("No proposed edit waits for a decision.");
      return;
    }
    const file = files.length === 1 ? files[0] : await this.pickFile(files, hunks);
    if (file) {
      await this.open(file);
    }
  }

  private async pickFile(files: string[], hunks: Hunk[]): Promise<string | undefined> {
    const items: (vscode.QuickPickItem & { act: () => Promise<string | undefined> })[] = files.map((uri) => {
      const own = hunks.filter((hunk) => hunk.uri === uri);
      const what = own[0]?.kind === "change" ? `${own.length} ${own.length === 1 ? "hunk" : "hunks"}` : `${own[0]?.kind}s the file`;
      return { label: `$(diff) ${vscode.workspace.asRelativePath(vscode.Uri.parse(uri))}`, description: `${what} · ${own[0]?.agent}`, act: () => Promise.resolve(uri) };
    });
    items.push(
      { label: `$(check-all) Apply all of ${files.length} files`, act: async () => { await this.decide("apply", {}); return undefined; } },
      { label: `$(close-all) Reject all of ${files.length} files`, act: async () => { await this.decide("reject", {}); return undefined; } });
    return (await vscode.window.showQuickPick(items, { title: "Review edits" }))?.act();
  }

  private async open(file: string): Promise<void> {
    const preview = await this.preview(file);
    if (!preview) {
      void vscode.window.showInformationMessage("No proposed edit waits for this file.");
      return;
    }
    const uri = vscode.Uri.parse(preview.uri);
    const side = (query: string): vscode.Uri => uri.with({ scheme: SCHEME, query });
    const what = preview.original === null ? "new file" : preview.proposed === null ? "deleted" : "proposed";
    await vscode.commands.executeCommand("vscode.diff", preview.original === null ? side("nothing") : uri, side("proposed"),
      `${path.posix.basename(uri.path)} (${what})`, { preview: true });
  }

  private async preview(file: string): Promise<Preview | undefined> {
    return this.server.execute<Preview>("inhouse.edits.preview", { uri: file }).catch(() => undefined);
  }

  private async decideHere(act: "apply" | "reject", whole: boolean): Promise<void> {
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    if (!(tab instanceof vscode.TabInputTextDiff) || tab.modified.scheme !== SCHEME) {
      return;
    }
    const uri = fileOf(tab.modified).toString();
    const preview = await this.preview(uri);
    if (!preview) {
      return this.refresh();
    }
    const editor = vscode.window.activeTextEditor;
    const line = editor?.selection.active.line ?? 0;
    const hunk = whole ? undefined : nearest(preview.hunks, line, editor?.document.uri.scheme === SCHEME);
    await this.decide(act, { uri: preview.uri, ...(hunk ? { hunk: hunk.id } : {}) });
  }

  private async decide(act: "apply" | "reject", which: { uri?: string; hunk?: string }): Promise<void> {
    await this.server.execute(`inhouse.edits.${act}`, which);
    await this.refresh();
  }
}

/** The file that a side of a diff is about. */
const fileOf = (side: vscode.Uri): vscode.Uri => side.with({ scheme: "file", query: "" });

/** The hunk at a line of the file, or of the text with every hunk applied; the closest where there is none. */
export function nearest(hunks: readonly Hunk[], line: number, proposed: boolean): Hunk | undefined {
  let shift = 0;
  let best: { hunk: Hunk; distance: number } | undefined;
  const fitting = hunks.filter((hunk) => hunk.range !== null).sort((a, b) => startOf(a) - startOf(b));
  for (const hunk of fitting) {
    const start = startOf(hunk) + (proposed ? shift : 0);
    const end = start + Math.max(lineCount(proposed ? hunk.new : hunk.old) - 1, 0);
    const distance = line < start ? start - line : Math.max(line - end, 0);
    if (!best || distance < best.distance) {
      best = { hunk, distance };
    }
    shift += lineCount(hunk.new) - lineCount(hunk.old);
  }
  return best?.hunk;
}

const startOf = (hunk: Hunk): number => hunk.range?.start.line ?? 0;
const lineCount = (text: string): number => text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
