/** What the server has, kept as it is now: it tells which of its lists have changed (`inhouse/changed`). */
import vscode = require("vscode");
import type { Hunk } from "./protocol";
import type { Server } from "./server";

export type ListName = "edits" | "runs" | "sessions" | "agents" | "endpoints";
const ALL: readonly ListName[] = ["edits", "runs", "sessions", "agents", "endpoints"];
/** Other windows, editors and terminals work on these, too. */
const SHARED: readonly ListName[] = ["edits", "sessions"];

export class Lists implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<readonly ListName[]>();
  readonly onDidChange = this.changed.event;
  private readonly editsChanged = new vscode.EventEmitter<void>();
  /** `hunks` is another. */
  readonly onDidChangeHunks = this.editsChanged.event;
  private readonly listeners: vscode.Disposable;
  private reading?: Promise<void>;
  private stale = false;
  /** What waits for the user's decision, file by file. */
  hunks: readonly Hunk[] = [];

  constructor(private readonly server: Server) {
    this.listeners = vscode.Disposable.from(
      server.onDidChangeLists((lists) => { this.take(lists); }),
      server.onDidStart(() => { this.take(ALL); }),
      vscode.window.onDidChangeWindowState(({ focused }) => { if (focused && server.isStarted) { this.take(SHARED); } }),
      server.onDidStop(() => { this.set([]); this.changed.fire(ALL); }));
  }

  /** Read what waits once more; one reading at a time, and none too few. */
  refreshHunks(): Promise<void> {
    this.stale = true;
    this.reading ??= this.read().finally(() => { this.reading = undefined; });
    return this.reading;
  }

  dispose(): void {
    vscode.Disposable.from(this.listeners, this.changed, this.editsChanged).dispose();
  }

  private take(lists: readonly ListName[]): void {
    if (lists.includes("edits")) {
      void this.refreshHunks();
    }
    this.changed.fire(lists);
  }

  private async read(): Promise<void> {
    while (this.stale) {
      this.stale = false;
      try {
        this.set(await this.server.execute<Hunk[]>("inhouse.edits"));
      } catch {
        this.set([]); // The server is gone: onDidStart reads again.
      }
    }
  }

  private set(hunks: readonly Hunk[]): void {
    const had = this.hunks.length;
    this.hunks = hunks;
    if (had || hunks.length) {
      this.editsChanged.fire();
    }
  }
}
