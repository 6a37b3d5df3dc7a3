/** Reviewing what agents want to change: in the file, in VS Code's own diff, in one page of all files; by hunk, file or run. */
import path = require("node:path");
import vscode = require("vscode");
import type { Lists } from "./lists";
import { sameFile } from "./proposals";
import type { Hunk } from "./protocol";
import type { Server } from "./server";
import { Rereading } from "./transcript";

const SCHEME = "inhouse-diff";
/** How the page of all files is called: it is found again by its name. */
const ALL_FILES = "Proposed changes";

interface Preview {
  uri: string;
  original: string | null;
  proposed: string | null;
  hunks: Hunk[];
}

/** Which changes a command is about. */
export interface Chosen {
  uri?: string;
  runId?: string;
  hunk?: string;
}

type Act = "apply" | "reject";

/** The texts of the diff's sides: `inhouse-diff:/path/of/file.py?proposed`; of changes that no longer fit, `?old=IDS` and `?new=IDS`. */
export class Review implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly diffs = new Rereading((uri) => { this.changed.fire(uri); });
  private readonly parts: vscode.Disposable;

  constructor(private readonly server: Server, private readonly lists: Lists) {
    this.parts = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      lists.onDidChangeHunks(() => { void this.show(); }));
  }

  commands(): Record<string, (...args: never[]) => unknown> {
    const here = (act: Act, whole: boolean) => () => this.decideHere(act, whole);
    const chosen = (act: Act) => (which?: unknown) => this.decide(act, chosenBy(which));
    return {
      reviewEdits: (which?: unknown) => this.review(typeof which === "string" ? { runId: which } : chosenBy(which)),
      applyEdits: chosen("apply"),
      rejectEdits: chosen("reject"),
      nextEdit: () => this.go(1),
      previousEdit: () => this.go(-1),
      "diff.applyHunk": here("apply", false),
      "diff.rejectHunk": here("reject", false),
      "diff.applyFile": here("apply", true),
      "diff.rejectFile": here("reject", true),
    };
  }

  /** The server's own “Show diff”, drawn by VS Code. */
  showDiff(argument: Chosen | undefined): Promise<void> {
    return this.review(argument ?? {});
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    if (uri.query === "nothing") {
      return "";
    }
    const side = uri.query.startsWith("old=") ? "old" : "new", ids = idsOf(uri);
    if (ids.length) {
      return this.lists.hunks.filter(({ id }) => ids.includes(id)).map((hunk) => hunk[side]).join("…\n");
    }
    const proposed = (await this.preview(fileOf(uri).toString()))?.proposed ?? "";
    this.diffs.given(uri, proposed);
    return proposed;
  }

  dispose(): void {
    this.parts.dispose();
    this.diffs.dispose();
    this.changed.dispose();
  }

  /** Something was proposed or decided: what shows it is read again, what shows nothing any more is closed. */
  private async show(): Promise<void> {
    const { hunks } = this.lists;
    const waiting = new Set(hunks.map(({ uri }) => vscode.Uri.parse(uri).toString()));
    void vscode.commands.executeCommand("setContext", "inhouse.proposals", hunks.length > 0);
    void vscode.commands.executeCommand("setContext", "inhouse.proposedFiles", [...waiting].map((uri) => vscode.Uri.parse(uri).fsPath));
    for (const { uri } of vscode.workspace.textDocuments) {
      if (uri.scheme === SCHEME && !idsOf(uri).length && waiting.has(fileOf(uri).toString())) {
        this.diffs.changed(uri);
      }
    }
    const over = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) =>
      tab.input instanceof vscode.TabInputTextDiff
        ? tab.input.modified.scheme === SCHEME && !(waiting.has(fileOf(tab.input.modified).toString()) && stillStale(tab.input.modified, hunks))
        : !hunks.length && tab.label.startsWith(ALL_FILES) && !(tab.input as { uri?: vscode.Uri } | undefined)?.uri); // A file of the user's may be called so.
    if (over.length) {
      await vscode.window.tabGroups.close(over, true);
    }
  }

  private async waiting(which: Chosen = {}): Promise<readonly Hunk[]> {
    await this.lists.refreshHunks();
    return this.lists.hunks.filter((hunk) =>
      (!which.uri || sameFile(hunk.uri, which.uri)) && (!which.runId || hunk.runId === which.runId) && (!which.hunk || hunk.id === which.hunk));
  }

  /** One file as a diff; several as one page of diffs. */
  private async review(which: Chosen): Promise<void> {
    const hunks = await this.waiting(which);
    const files = [...new Set(hunks.map((hunk) => hunk.uri))];
    const [only] = files;
    if (!only) {
      void vscode.window.showInformationMessage("No proposed edit is waiting for a decision.");
    } else if (files.length === 1) {
      await this.open(only, hunks);
    } else {
      const sides = files.map((file) => {
        const uri = vscode.Uri.parse(file), own = hunks.filter((hunk) => hunk.uri === file), kind = own.find(({ fits }) => fits)?.kind;
        return kind ? [uri, kind === "create" ? undefined : uri, kind === "delete" ? undefined : sideOf(uri, "proposed")] : [uri, ...staleSides(uri, own)];
      });
      await vscode.commands.executeCommand("vscode.changes", ALL_FILES, sides);
    }
  }

  private async open(file: string, hunks: readonly Hunk[]): Promise<void> {
    if (hunks.length && !hunks.some(({ fits }) => fits)) { // The file has no place for it: seen is what the agent saw, and what it wants.
      const uri = vscode.Uri.parse(file);
      await vscode.commands.executeCommand("vscode.diff", ...staleSides(uri, hunks), `${path.posix.basename(uri.path)} (no longer fits)`, { preview: true });
      return;
    }
    const preview = await this.preview(file);
    if (!preview) {
      void vscode.window.showInformationMessage("No proposed edit is waiting for this file.");
      return;
    }
    const uri = vscode.Uri.parse(preview.uri);
    const what = preview.original === null ? "new file" : preview.proposed === null ? "deleted" : "proposed";
    await vscode.commands.executeCommand("vscode.diff", preview.original === null ? sideOf(uri, "nothing") : uri, sideOf(uri, "proposed"),
      `${path.posix.basename(uri.path)} (${what})`, { preview: true });
  }

  private async preview(file: string): Promise<Preview | undefined> {
    return this.server.execute<Preview>("inhouse.edits.preview", { uri: file }).catch(() => undefined);
  }

  /** Decide on the change at the cursor, or on its whole file; then go to the next. */
  private async decideHere(act: Act, whole: boolean): Promise<void> {
    const place = placeOfCursor();
    const here = place ? await this.waiting({ uri: place.uri }) : [];
    if (!place || !here.length) {
      void vscode.window.showInformationMessage("No proposed edit is waiting in this file.");
      return;
    }
    const hunk = whole ? undefined : here.find(({ id }) => place.stale.includes(id)) ?? nearest(here, place.line, place.proposed);
    await this.decide(act, { uri: place.uri, ...(hunk ? { hunk: hunk.id } : {}) });
    const left = inOrder(this.lists.hunks.filter(({ uri }) => sameFile(uri, place.uri)));
    const next = left.find((each) => startOf(each) >= place.line) ?? left[0];
    if (next && !(vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputTextDiff)) {
      await this.goTo(next); // The key that is pressed again means a change that is seen.
    }
  }

  private async decide(act: Act, which: Chosen): Promise<void> {
    if (!(await this.waiting(which)).length) {
      void vscode.window.showInformationMessage("No proposed edit is waiting for a decision.");
      return;
    }
    await this.server.execute(`inhouse.edits.${act}`, which);
    await this.lists.refreshHunks();
  }

  /** To the next or the previous change, over the ends of files. */
  private async go(by: 1 | -1): Promise<void> {
    const hunks = inOrder(await this.waiting());
    const place = placeOfCursor();
    const at = place && hunks.findIndex(({ uri }) => sameFile(uri, place.uri));
    const target = place && at !== undefined && at >= 0 ? nextFrom(hunks, place, by) : by > 0 ? hunks[0] : hunks.at(-1);
    if (!target) {
      void vscode.window.showInformationMessage("No proposed edit is waiting for a decision.");
    } else {
      await this.goTo(target);
    }
  }

  private async goTo(target: Hunk): Promise<void> {
    if (target.kind === "create" || !target.range) {
      await this.open(target.uri, [target]);
    } else {
      const start = new vscode.Position(target.range.start.line, 0);
      const editor = await vscode.window.showTextDocument(vscode.Uri.parse(target.uri), { selection: new vscode.Range(start, start) });
      editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }
}

/** What an argument of a menu, a lens or a key names. */
function chosenBy(given: unknown): Chosen {
  const { uri, runId, hunk } = (typeof given === "object" && given !== null && !(given instanceof vscode.Uri) ? given : {}) as Record<string, unknown>;
  const text = (value: unknown): value is string => typeof value === "string";
  return { ...(text(uri) ? { uri } : {}), ...(text(runId) ? { runId } : {}), ...(text(hunk) ? { hunk } : {}) };
}

interface Cursor {
  uri: string;
  line: number;
  /** In the text with every change applied. */
  proposed: boolean;
  /** The changes that no longer fit, where a diff of them is looked at. */
  stale: readonly string[];
}

function placeOfCursor(): Cursor | undefined {
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const editor = vscode.window.activeTextEditor;
  const line = editor?.selection.active.line ?? 0;
  if (tab instanceof vscode.TabInputTextDiff && tab.modified.scheme === SCHEME) {
    const stale = idsOf(tab.modified);
    return { uri: fileOf(tab.modified).toString(), line: stale.length ? 0 : line, proposed: editor?.document.uri.scheme === SCHEME, stale };
  }
  const uri = editor?.document.uri;
  return uri && { uri: (uri.scheme === SCHEME ? fileOf(uri) : uri).toString(), line, proposed: uri.scheme === SCHEME, stale: idsOf(uri) };
}

const sideOf = (uri: vscode.Uri, query: "nothing" | "proposed"): vscode.Uri => uri.with({ scheme: SCHEME, query });
const idsOf = (side: vscode.Uri): string[] => side.scheme === SCHEME && /^(old|new)=/.test(side.query) ? side.query.slice(4).split(",") : [];

/** Both sides of changes that no longer fit; what was to be created is compared with the file that is there now. */
function staleSides(uri: vscode.Uri, hunks: readonly Hunk[]): [vscode.Uri, vscode.Uri] {
  const ids = hunks.map(({ id }) => id).join(","), side = (name: "old" | "new"): vscode.Uri => uri.with({ scheme: SCHEME, query: `${name}=${ids}` });
  return [hunks[0]?.kind === "create" ? uri : side("old"), side("new")];
}

const stillStale = (side: vscode.Uri, hunks: readonly Hunk[]): boolean =>
  !idsOf(side).length || hunks.some(({ id, fits }) => !fits && idsOf(side).includes(id));
/** The file that a side of a diff is about. */
const fileOf = (side: vscode.Uri): vscode.Uri => side.with({ scheme: "file", query: "" });

/** File by file, each from its top. */
const inOrder = (hunks: readonly Hunk[]): Hunk[] =>
  [...hunks].sort((a, b) => a.uri === b.uri ? startOf(a) - startOf(b) : a.uri < b.uri ? -1 : 1);

/** The change after the cursor's line, or before it; over the end of all it begins again. */
export function nextFrom(hunks: readonly Hunk[], place: Cursor, by: 1 | -1): Hunk | undefined {
  const here = (hunk: Hunk): boolean => sameFile(hunk.uri, place.uri);
  if (by > 0) {
    const index = hunks.findIndex((hunk) => here(hunk) && startOf(hunk) > place.line);
    const last = hunks.findLastIndex(here);
    return hunks[index >= 0 ? index : (last + 1) % hunks.length];
  }
  const index = hunks.findLastIndex((hunk) => here(hunk) && startOf(hunk) < place.line);
  return index >= 0 ? hunks[index] : hunks.at(hunks.findIndex(here) - 1);
}

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

/** Undo a turn.  The server says itself which files stayed as they are, and why. */
export async function undoTurn(server: Server, session: string, turn?: number): Promise<void> {
  const { restored, problems } = await server.execute<{ restored: string[]; problems: string[] }>("inhouse.session.undo", { session, ...(turn === undefined ? {} : { turn }) });
  if (restored.length) {
    const [files, are, were] = restored.length === 1 ? ["1 file", "is", "was"] : [`${restored.length} files`, "are", "were"];
    void vscode.window.showInformationMessage(problems.length ? `${files} ${were} taken back, but not everything.` : `${files} ${are} as before the run.`);
  }
}
