/** Conversations: find one, answer it, begin again at one of its turns, take back what a turn changed. */
import vscode = require("vscode");
import { promptInList } from "./pick";
import { plain } from "./problem";
import type { SessionSummary, SessionTurn } from "./protocol";
import { undoTurn } from "./review";
import type { Server } from "./server";
import { runIdOf, sessionIdOf, showRendered, withName } from "./transcript";
import { spent, type Node } from "./views";

/** Send a prompt to a session; the one who knows how to start and follow a run. */
export type SendTo = (session: string, agent: string) => Promise<void>;
type Which = Partial<Pick<Node, "session" | "turn" | "runId" | "agent">>;

export function sessionCommands(server: Server, reply: SendTo, compact: (session: string) => Promise<void>): Record<string, (...args: never[]) => unknown> {
  return {
    showSessions: () => pickAndOpen(server),
    openSession: async (which?: Which) => open(server, await sessionOf(server, which, "Open a session")),
    reply: async (which?: Which) => {
      const session = await sessionOf(server, which, "Reply in which session?");
      if (session) {
        await reply(session.id, session.agent);
      }
    },
    forkSession: async (which?: Which) => {
      const session = await sessionOf(server, which, "Fork which session?");
      const turn = session && (which?.turn ?? (await pickTurn(server, session.id, "Fork before which turn?"))?.turn);
      if (session && turn !== undefined) {
        const { session: fork } = await server.execute<{ session: string }>("inhouse.session.fork", { session: session.id, turn });
        await reply(fork, session.agent);
      }
    },
    undoRun: async (which?: Which) => {
      const session = await sessionOf(server, which, "Undo what a run of which session changed?");
      const turn = session && (which?.turn ?? (await turnOf(server, session.id, which?.runId)) ?? (await pickTurn(server, session.id, "Undo which run?", (each) => each.changedFiles > 0 && !each.undone))?.turn);
      if (session && turn !== undefined) {
        await undoTurn(server, session.id, turn);
      }
    },
    renameSession: async (which?: Which) => {
      const session = await sessionOf(server, which, "Rename which session?");
      const title = session && await vscode.window.showInputBox({ title: "Rename the session", value: session.title, ignoreFocusOut: true });
      if (session && title) {
        await server.execute("inhouse.session.rename", { session: session.id, title });
      }
    },
    compactSession: async (which?: Which) => {
      const session = await sessionOf(server, which, "Compact which session?");
      if (session) {
        await compact(session.id);
      }
    },
    deleteSession: async (which?: Which) => {
      const session = await sessionOf(server, which, "Delete which session?");
      const sure = session && await vscode.window.showWarningMessage(
        `Delete the session "${session.title}" and everything stored about its runs?`, { modal: true, detail: "Files that its runs changed stay as they are." }, "Delete");
      if (session && sure) {
        await server.execute("inhouse.session.delete", { session: session.id });
      }
    },
  };
}

const all = (server: Server): Promise<SessionSummary[]> => server.execute<SessionSummary[]>("inhouse.sessions", { limit: 200 });

/** The session that a row, a lens or a run names; else the one that is chosen. */
async function sessionOf(server: Server, given: Which | vscode.Uri | undefined, title: string): Promise<SessionSummary | undefined> {
  const which: Which | undefined = given instanceof vscode.Uri ? { session: sessionIdOf(given), runId: runIdOf(given) } : given;
  const known = await all(server);
  const named = which?.session ?? (which?.runId ? await sessionOfRun(server, which.runId) : undefined);
  if (named) {
    return known.find(({ id }) => id === named) ?? { ...EMPTY, id: named, agent: which?.agent ?? "" };
  }
  if (!known.length) {
    void vscode.window.showInformationMessage("There is no session yet.  Start one with Inhouse: Run Agent….");
    return undefined;
  }
  return (await vscode.window.showQuickPick(known.map(item), { title, placeHolder: "A session, newest first", matchOnDescription: true, matchOnDetail: true }))?.value;
}

async function turnOf(server: Server, session: string, runId: string | undefined): Promise<number | undefined> {
  return runId === undefined ? undefined : (await server.execute<SessionTurn[]>("inhouse.session.turns", { session })).find((turn) => turn.runId === runId)?.turn;
}

const EMPTY: SessionSummary = { id: "", title: "", agent: "", turns: 0, status: "completed", updatedAt: "", inputTokens: 0, outputTokens: 0, costUsd: null, uri: "" };

async function sessionOfRun(server: Server, runId: string): Promise<string | undefined> {
  return (await server.execute<{ session?: string }>("inhouse.result", { runId }).catch(() => undefined))?.session;
}

async function open(server: Server, session: SessionSummary | undefined): Promise<void> {
  if (session) {
    await showRendered(withName(vscode.Uri.parse(session.uri), session.agent, session.title));
  }
}

const ICONS: Record<SessionSummary["status"], string> = { running: "sync", completed: "pass", cancelled: "circle-slash", failed: "error", interrupted: "debug-disconnect" };
const REPLY: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("reply"), tooltip: "Reply" };

function item(session: SessionSummary): vscode.QuickPickItem & { value: SessionSummary } {
  return {
    label: `$(${ICONS[session.status]}) ${plain(session.title).trim() || session.id}`, buttons: [REPLY], value: session,
    description: [plain(session.agent), session.turns === 1 ? "1 turn" : `${session.turns} turns`, spent(session)].filter(Boolean).join(" · "),
    detail: new Date(session.updatedAt).toLocaleString(),
  };
}

/** The list of all: Enter opens one, its button answers it. */
async function pickAndOpen(server: Server): Promise<void> {
  const known = await all(server);
  if (!known.length) {
    void vscode.window.showInformationMessage("There is no session yet.  Start one with Inhouse: Run Agent….");
    return;
  }
  const pick = vscode.window.createQuickPick<ReturnType<typeof item>>();
  Object.assign(pick, { title: "Sessions", placeholder: "Enter opens one; its button replies", matchOnDescription: true, items: known.map(item) });
  const listeners = vscode.Disposable.from(
    pick.onDidHide(() => { listeners.dispose(); pick.dispose(); }),
    pick.onDidTriggerItemButton(({ item: { value } }) => { pick.hide(); void vscode.commands.executeCommand("inhouse.reply", { session: value.id }); }),
    pick.onDidAccept(() => {
      const [chosen] = pick.selectedItems;
      pick.hide();
      void open(server, chosen?.value);
    }));
  pick.show();
}

async function pickTurn(server: Server, session: string, title: string, fits: (turn: SessionTurn) => boolean = () => true): Promise<SessionTurn | undefined> {
  const turns = (await server.execute<SessionTurn[]>("inhouse.session.turns", { session })).filter(fits).reverse();
  if (!turns.length) {
    void vscode.window.showInformationMessage("No run of this session changed a file in a way that can be undone.");
    return undefined;
  }
  const items = turns.map((value) => ({
    label: `${value.turn} · ${promptInList(value.prompt, 100)}`, value,
    description: [plain(value.agent), value.status, value.changedFiles === 1 ? "1 file" : value.changedFiles ? `${value.changedFiles} files` : ""].filter(Boolean).join(" · "),
  }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.value;
}
