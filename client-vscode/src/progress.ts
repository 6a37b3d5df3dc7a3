/** Where a run can be seen while it works: once, where it was started (its line, or the end of its transcript), and in the status bar. */
import vscode = require("vscode");
import { doingOf, type Run, type Runs } from "./runs";
import { runIdOf } from "./transcript";
import { spent } from "./views";

const TICK = 1000;
/** Milliseconds that a message stands before the next: nobody reads faster, and 20 runs may stream. */
const READABLE = 800;

/** Show all runs of this window, as long as they work. */
export function showProgress(runs: Runs): vscode.Disposable {
  const lines = new Lines(), parts: Part[] = [new StatusBar(), lines];
  const tellMenus = (): void => {
    const open = vscode.window.visibleTextEditors.map(({ document }) => document.uri);
    const running = open.filter((uri) => runs.active.some(({ id }) => id === runIdOf(uri)));
    void vscode.commands.executeCommand("setContext", "inhouse.running", runs.active.length > 0);
    void vscode.commands.executeCommand("setContext", "inhouse.runningTranscripts", running.map((uri) => uri.fsPath));
  };
  const refresh = (): void => { parts.forEach((part) => { part.refresh(runs.active); }); };
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    refresh();
    timer = runs.active.length ? setTimeout(tick, TICK) : undefined;
  };
  return vscode.Disposable.from(
    ...parts,
    vscode.window.onDidChangeVisibleTextEditors(() => { refresh(); tellMenus(); }),
    vscode.workspace.onDidChangeTextDocument(({ document }) => { if (runIdOf(document.uri) !== undefined) { lines.refresh(runs.active); } }),
    ...[runs.onDidStart, runs.onDidEnd].map((count) => count(() => { clearTimeout(timer); tick(); tellMenus(); })),
    runs.onDidChange((run) => {
      if (run.status === "running" && !timer) {
        timer = setTimeout(tick, 0);
      }
    }),
    { dispose: () => { clearTimeout(timer); } },
  );
}

/** A notification with Cancel, for a run that nothing else shows: it has no line, and no transcript was asked for.  It goes when its transcript is opened. */
export function notify(runs: Runs, run: Run, cancel: () => void): void {
  void vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `${run.agent} on ${where(run)}`, cancellable: true },
    (progress, token) => new Promise<void>((resolve) => {
      let told = "", timer: NodeJS.Timeout | undefined;
      const tell = (): void => {
        timer = undefined;
        if (run.message !== told) {
          progress.report({ message: told = run.message });
          timer = setTimeout(tell, READABLE);
        }
      };
      const end = (): void => { clearTimeout(timer); listeners.dispose(); resolve(); };
      const listeners = vscode.Disposable.from(
        token.onCancellationRequested(cancel),
        runs.onDidChange((changed) => {
          if (changed === run && !timer) {
            tell();
          }
        }),
        vscode.window.onDidChangeVisibleTextEditors((editors) => { if (editors.some(({ document }) => runIdOf(document.uri) === run.id)) { end(); } }),
        runs.onDidEnd((ended) => { if (ended === run) { end(); } }));
    }));
}

export const where = ({ route }: Run): string => `${route.endpoint} (${route.local ? "local" : "remote"})`;

interface Part extends vscode.Disposable {
  refresh(active: readonly Run[]): void;
}

/** How many runs there are and where, and one click to cancel: in view wherever the person is. */
class StatusBar implements Part {
  private readonly item = vscode.window.createStatusBarItem("inhouse.runs", vscode.StatusBarAlignment.Left, 10);
  private readonly stop = vscode.window.createStatusBarItem("inhouse.cancel", vscode.StatusBarAlignment.Left, 9.9);

  constructor() {
    Object.assign(this.item, { name: "Inhouse Runs", command: "inhouse.showRuns" });
    Object.assign(this.stop, { name: "Inhouse Cancel", command: "inhouse.cancelRun", text: "$(debug-stop) Cancel" });
  }

  refresh(active: readonly Run[]): void {
    if (!active.length) {
      this.item.hide();
      this.stop.hide();
      return;
    }
    const remote = active.filter((run) => !run.route.local).length;
    const places = remote === 0 ? "local" : remote === active.length ? "remote" : `${remote} remote`;
    const [only] = active;
    const cost = active.length === 1 && only ? spent(only.used) : "";
    this.item.text = `$(${remote ? "cloud" : "home"}) ${active.length === 1 ? "1 run" : `${active.length} runs`} · ${places}${cost ? ` · ${cost}` : ""}`;
    // As text: a name of an agent or a model could be a picture that a server hears of.
    this.item.tooltip = new vscode.MarkdownString().appendText(active.map((run) => [run.agent, where(run), run.route.model, spent(run.used)].filter(Boolean).join(" · ")).join("\n"));
    this.stop.tooltip = active.length === 1 ? "Cancel the run" : "Cancel one of the runs…";
    this.item.show();
    this.stop.show();
  }

  dispose(): void {
    vscode.Disposable.from(this.item, this.stop).dispose();
  }
}

/** What a run does, behind the text: of the line where it was started, else of its transcript's end. */
class Lines implements Part {
  private readonly type = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor("editorCodeLens.foreground"), fontStyle: "italic" },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
  });
  private readonly shown = new Set<string>();

  refresh(active: readonly Run[]): void {
    const open = vscode.window.visibleTextEditors;
    const isAt = (run: Run, uri: string): boolean => run.place?.uri.toString() === uri;
    for (const editor of open) {
      const { document } = editor, uri = document.uri.toString(), id = runIdOf(document.uri);
      const here = id === undefined
        ? active.filter((run) => isAt(run, uri)).map((run) => atPlace(document, run))
        : active.filter((run) => run.id === id && !open.some((other) => isAt(run, other.document.uri.toString()))).flatMap((run) => atEnd(document, run));
      if (here.length || this.shown.delete(uri)) {
        editor.setDecorations(this.type, here);
      }
      if (here.length) {
        this.shown.add(uri);
      }
    }
  }

  dispose(): void {
    this.type.dispose();
  }
}

function atPlace(document: vscode.TextDocument, run: Run): vscode.DecorationOptions {
  return behind(document, run.place?.line ?? 0, run.message || "starting…", run);
}

/** Below what stands there.  Where a line is being written, its words are the progress. */
function atEnd(document: vscode.TextDocument, run: Run): vscode.DecorationOptions[] {
  const last = document.lineCount - 1;
  const seconds = Math.round((Date.now() - run.startedAt) / 1000);
  return document.lineAt(last).isEmptyOrWhitespace ? [behind(document, last, `${doingOf(run) || "starting…"} · ${seconds} s`, run, "0")] : [];
}

function behind(document: vscode.TextDocument, number: number, words: string, run: Run, margin = "0 0 0 3em"): vscode.DecorationOptions {
  const { end } = document.lineAt(Math.min(number, document.lineCount - 1)).range;
  return { range: new vscode.Range(end, end), renderOptions: { after: { contentText: `${run.agent}: ${shorten(words)}`, margin } } };
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
