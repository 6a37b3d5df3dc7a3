/** Where a run can be seen while it works: at its line, in a notification, in the status bar. */
import * as vscode from "vscode";
import type { Run, Runs } from "./runs";
import { spent } from "./views";

const TICK = 1000;
/** Milliseconds that a message stands before the next: nobody reads faster, and 20 runs may stream. */
const READABLE = 800;

/** Show all runs of this window, as long as they work. */
export function showProgress(runs: Runs): vscode.Disposable {
  const parts: Part[] = [new StatusBar(), new Lines()];
  const tellMenus = (): void => {
    void vscode.commands.executeCommand("setContext", "inhouse.running", runs.active.length > 0);
    void vscode.commands.executeCommand("setContext", "inhouse.runningTranscripts", runs.active.map((run) => `/${run.id}.md`));
  };
  const refresh = (): void => { parts.forEach((part) => { part.refresh(runs.active); }); };
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    refresh();
    timer = runs.active.length ? setTimeout(tick, TICK) : undefined;
  };
  return vscode.Disposable.from(
    ...parts,
    vscode.window.onDidChangeVisibleTextEditors(refresh),
    runs.onDidEnd(() => { clearTimeout(timer); tick(); tellMenus(); }),
    runs.onDidStart(tellMenus),
    runs.onDidChange((run) => {
      if (run.status === "running" && !timer) {
        timer = setTimeout(tick, 0);
      }
    }),
    { dispose: () => { clearTimeout(timer); } },
  );
}

/** A notification with Cancel, for a run that was started where no line could show it. */
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
      const listeners = vscode.Disposable.from(
        token.onCancellationRequested(cancel),
        runs.onDidChange((changed) => {
          if (changed === run && !timer) {
            tell();
          }
        }),
        runs.onDidEnd((ended) => {
          if (ended === run) {
            clearTimeout(timer);
            listeners.dispose();
            resolve();
          }
        }));
    }));
}

export const where = ({ route }: Run): string => `${route.endpoint} (${route.local ? "local" : "remote"})`;

interface Part extends vscode.Disposable {
  refresh(active: readonly Run[]): void;
}

class StatusBar implements Part {
  private readonly item = vscode.window.createStatusBarItem("inhouse.runs", vscode.StatusBarAlignment.Left, 10);

  constructor() {
    this.item.name = "Inhouse Runs";
    this.item.command = "inhouse.showRuns";
  }

  refresh(active: readonly Run[]): void {
    if (!active.length) {
      this.item.hide();
      return;
    }
    const remote = active.filter((run) => !run.route.local).length;
    const places = remote === 0 ? "local" : remote === active.length ? "remote" : `${remote} remote`;
    const [only] = active;
    const cost = active.length === 1 && only ? spent(only.used) : "";
    this.item.text = `$(${remote ? "cloud" : "home"}) ${active.length === 1 ? "1 run" : `${active.length} runs`} · ${places}${cost ? ` · ${cost}` : ""}`;
    // As text: a name of an agent or a model could be a picture that a server hears of.
    this.item.tooltip = new vscode.MarkdownString().appendText(active.map((run) => [run.agent, where(run), run.route.model, spent(run.used)].filter(Boolean).join(" · ")).join("\n"));
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }
}

/** The line behind the text where a run was started. */
class Lines implements Part {
  private readonly type = vscode.window.createTextEditorDecorationType({
    after: { margin: "0 0 0 3em", color: new vscode.ThemeColor("editorCodeLens.foreground"), fontStyle: "italic" },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
  });
  private readonly shown = new Set<string>();

  refresh(active: readonly Run[]): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const uri = editor.document.uri.toString();
      const here = active.filter((run) => run.place?.uri.toString() === uri);
      if (here.length || this.shown.delete(uri)) {
        editor.setDecorations(this.type, here.map((run) => decoration(editor.document, run)));
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

function decoration(document: vscode.TextDocument, run: Run): vscode.DecorationOptions {
  const line = Math.min(run.place?.line ?? 0, document.lineCount - 1);
  const end = document.lineAt(line).range.end;
  return { range: new vscode.Range(end, end), renderOptions: { after: { contentText: `${run.agent}: ${shorten(run.message || "starting…")}` } } };
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
