/** The extension: READ THIS FIRST.  It starts the language server and draws what the server says. */
import vscode = require("vscode");
import type { Middleware } from "vscode-languageclient/node";
import { chat } from "./chat/participant";
import { announce, persist, registerCommands, runFromServer, type Parts } from "./commands";
import { FirstMinute } from "./firstMinute";
import { Folding } from "./folding";
import { forPage } from "./links";
import { Lists } from "./lists";
import { showProgress } from "./progress";
import { Prompts } from "./prompts";
import { showProposals } from "./proposals";
import { answerFreely } from "./questions";
import { reports } from "./report";
import { Review } from "./review";
import { Runs } from "./runs";
import { Server } from "./server";
import { explicitSettings, settingNames } from "./settings";
import { followTranscripts, ofServer, RENDERED, runIdOf, showBeside, showRendered, withName } from "./transcript";
import { showViews } from "./views";

let running: Server | undefined;

export function activate(context: vscode.ExtensionContext): { server: Server; runs: Runs } {
  const runs = new Runs();
  const server: Server = new Server(context, () => middleware(parts));
  const lists = new Lists(server);
  const review = new Review(server, lists);
  const folding = new Folding(runs, (uri) => { server.transcripts.changed(uri); });
  const firstMinute = new FirstMinute(context, server);
  const prompts: Prompts = new Prompts(context, server, async (argument) => (await persist(parts, argument)) !== undefined);
  const parts: Parts = { context, server, runs, review, folding, firstMinute, prompts };
  running = server;
  context.subscriptions.push(
    registerCommands(parts),
    chat(parts),
    watchForAgents(server),
    runs,
    lists,
    review,
    folding,
    prompts,
    showProposals(lists),
    showViews(server, lists),
    showProgress(runs),
    followTranscripts(),
    server.documents(),
    reports(),
    answerFreely(runs, server),
    restartWhenIdle(server, runs), // Before its runs are lost: who restarts it by hand does it for all.
    server.onDidStop(() => { runs.lose(); }),
    runs.onDidEnd((run) => { announce(prompts, run); }),
  );
  // Not awaited: the window must not wait for a server.
  void isNeeded().then((needed) => { if (needed) { void server.startOrTell(); } });
  return { server, runs };
}

/** What makes a new server necessary waits for the agents that run in the old one, unless the user would rather not. */
function restartWhenIdle(server: Server, runs: Runs): vscode.Disposable {
  let waiting: vscode.Disposable | undefined;
  const over = (): void => { waiting?.dispose(); waiting = undefined; };
  const restart = (): void => { over(); void server.restart(); };
  const changed = async (): Promise<void> => {
    if (!server.isStarted || waiting) {
      return;
    }
    if (runs.isIdle) {
      restart();
      return;
    }
    const mine = waiting = runs.onDidEnd(() => { if (runs.isIdle) { restart(); } });
    const choice = await vscode.window.showInformationMessage("Inhouse restarts with what you changed when its running agents have ended.", "Restart Now");
    if (choice && waiting === mine) {
      restart();
    }
  };
  return vscode.Disposable.from(
    { dispose: over },
    server.onDidStop(over),
    vscode.workspace.onDidGrantWorkspaceTrust(changed),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("inhouse.python") || change.affectsConfiguration("inhouse.serverCommand")) {
        void changed();
      }
    }));
}

/** The first agent of a workspace is written: from now on a server is needed. */
function watchForAgents(server: Server): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher("**/.agents/*", false, true, true);
  return vscode.Disposable.from(watcher, watcher.onDidCreate(() => { if (!server.isStarted) { void server.startOrTell(); } }));
}

/** In a window that only takes part in the chat no server runs until it is asked for something: agents of the workspace need one, and transcripts that are open. */
async function isNeeded(): Promise<boolean> {
  const open = vscode.window.tabGroups.all.flatMap((group) => group.tabs).map((tab) => tab.input as { uri?: vscode.Uri } | undefined);
  return open.some((input) => input?.uri?.scheme.startsWith("inhouse-")) ||
    (await vscode.workspace.findFiles(".agents/*", null, 1)).length > 0;
}

/** VS Code waits for this, so that no process is left behind. */
export async function deactivate(): Promise<void> {
  await running?.dispose();
}

/** Lenses of a session's document whose command has more to do in VS Code: its document cannot be typed in. */
const LENSES: Partial<Record<string, string>> = { "inhouse.session.fork": "inhouse.forkSession", "inhouse.session.undo": "inhouse.undoRun" };
/** Lenses of a definition whose answer is a page here: a message would cut it. */
function pageOf(command: string, [given]: unknown[]): string | undefined {
  const { show, check, agent } = (given ?? {}) as { show?: boolean; check?: boolean; agent?: string };
  return command === "inhouse.explain" && show ? "inhouse.explainRoute" : command === "inhouse.endpoints" && check && agent ? "inhouse.checkEndpoints" : undefined;
}

/** Between the language client and the server: where VS Code can do more than the protocol asks. */
function middleware(parts: Parts): Middleware {
  return {
    executeCommand: (command, args: unknown[], next) => {
      const here = LENSES[command] ?? pageOf(command, args); // What follows is asked for or told here.
      return command === "inhouse.run" || command.startsWith("inhouse.run.")
        ? runFromServer(parts, command, args, (changed) => Promise.resolve(next(command, changed)))
        : command === "inhouse.edits.show"
          ? parts.review.showDiff(args[0] as { uri?: string; runId?: string } | undefined)
          : here ? vscode.commands.executeCommand(here, ...args) : next(command, args);
    },
    // A run on a whole file shows in its transcript and the status bar: a lens would move the text for it.
    provideCodeLenses: async (document, token, next) => (await next(document, token))?.filter(({ command }) => {
      const run = command && ["inhouse.transcript", "inhouse.cancel"].includes(command.command) ? parts.runs.find((command.arguments?.[0] as { runId?: string } | undefined)?.runId ?? "") : undefined;
      return !run || run.place;
    }),
    provideTextDocumentContent: async (uri, token, next) => {
      const rendered = uri.query === RENDERED;
      const text = await next(ofServer(rendered ? uri.with({ query: "" }) : uri), token);
      if (rendered || typeof text !== "string") {
        return text && forPage(text);
      }
      const view = parts.folding.view(uri, text);
      parts.server.transcripts.given(uri, view);
      return view;
    },
    window: {
      showDocument: async (params, token, next) => {
        const uri = vscode.Uri.parse(params.uri);
        if (runIdOf(uri) === undefined) {
          return next(params, token);
        }
        // Answered before it is shown: the server does not wait for a busy window.
        void showTranscript(parts, uri, params.takeFocus === true);
        return { success: true };
      },
    },
    workspace: {
      configuration: (params) => params.items.map((item) =>
        item.section === "inhouse"
          ? explicitSettings(settingNames(parts.context.extension), item.scopeUri ? vscode.Uri.parse(item.scopeUri) : undefined)
          : null),
      didChangeConfiguration: async () => {
        const client = await parts.server.client();
        await client.sendNotification("workspace/didChangeConfiguration", { settings: { inhouse: explicitSettings(settingNames(parts.context.extension)) } });
      },
    },
  };
}

/** A run that works is text that grows, in a tab of its own; one that has ended is a page. */
async function showTranscript({ runs }: Parts, uri: vscode.Uri, takeFocus: boolean): Promise<void> {
  const run = await runs.named(runIdOf(uri) ?? ""), named = run ? withName(uri, run.agent, run.prompt) : uri, options = { preserveFocus: !takeFocus };
  if (takeFocus && run?.status !== "running") {
    await showRendered(named, options);
  } else {
    await showBeside(named, { ...options, preview: !runs.active.some((each) => each !== run) });
  }
}
