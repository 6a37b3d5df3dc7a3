/** The extension: READ THIS FIRST.  It starts the language server and draws what the server says. */
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { chat } from "./chat/participant";
import { announce, registerCommands, runFromServer, type Parts } from "./commands";
import { FirstMinute } from "./firstMinute";
import { Folding } from "./folding";
import { Lists } from "./lists";
import { showProgress } from "./progress";
import { showProposals } from "./proposals";
import { answerFreely } from "./questions";
import { reports } from "./report";
import { Review } from "./review";
import { Runs } from "./runs";
import { Server } from "./server";
import { explicitSettings, settingNames } from "./settings";
import { followTranscripts, RENDERED, runIdOf, showBeside, showRendered } from "./transcript";
import { showViews } from "./views";

let running: Server | undefined;

export function activate(context: vscode.ExtensionContext): { server: Server; runs: Runs } {
  const runs = new Runs();
  const server: Server = new Server(context, () => middleware(parts));
  const lists = new Lists(server);
  const review = new Review(server, lists);
  const folding = new Folding(runs, (uri) => { server.transcripts.changed(uri); });
  const firstMinute = new FirstMinute(context, server);
  const parts: Parts = { context, server, runs, review, folding, firstMinute };
  running = server;
  context.subscriptions.push(
    registerCommands(parts),
    chat(parts),
    watchForAgents(server),
    runs,
    lists,
    review,
    folding,
    showProposals(lists),
    showViews(server, lists),
    showProgress(runs),
    followTranscripts(),
    reports(),
    answerFreely(runs, server),
    server.onDidStop(() => { runs.lose(); }),
    runs.onDidEnd(announce),
    vscode.workspace.onDidGrantWorkspaceTrust(() => server.isStarted ? server.restart() : undefined),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (server.isStarted && (change.affectsConfiguration("inhouse.python") || change.affectsConfiguration("inhouse.serverCommand"))) {
        void server.restart();
      }
    }),
  );
  // Not awaited: the window must not wait for a server.
  void isNeeded().then((needed) => { if (needed) { void server.startOrTell(); } });
  return { server, runs };
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

/** Between the language client and the server: where VS Code can do more than the protocol asks. */
function middleware(parts: Parts): Middleware {
  return {
    executeCommand: (command, args: unknown[], next) =>
      command === "inhouse.run" || command.startsWith("inhouse.run.")
        ? runFromServer(parts, command, args, (changed) => Promise.resolve(next(command, changed)))
        : command === "inhouse.edits.show"
          ? parts.review.showDiff(args[0] as { uri?: string; runId?: string } | undefined)
          : next(command, args),
    provideTextDocumentContent: async (uri, token, next) => {
      const rendered = uri.query === RENDERED;
      const text = await next(rendered ? uri.with({ query: "" }) : uri, token);
      if (rendered || typeof text !== "string") {
        return text;
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
        const finished = params.takeFocus === true && !parts.runs.active.some((run) => run.id === runIdOf(uri));
        void (finished ? showRendered : showBeside)(uri, { preserveFocus: !params.takeFocus });
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
