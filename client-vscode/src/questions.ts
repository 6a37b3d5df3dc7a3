/** Questions of a run: one at a time, in VS Code's own dialogs. */
import vscode = require("vscode");
import type { LanguageClient, MessageActionItem, ShowMessageRequestParams } from "vscode-languageclient/node";
import { plain, textOf } from "./problem";
import type { RunEvent } from "./protocol";
import type { Run, Runs } from "./runs";
import type { Server } from "./server";

/** LSP's MessageType. */
const ERROR = 1, WARNING = 2;

let turn: Promise<unknown> = Promise.resolve();

function oneAtATime<T>(ask: () => Thenable<T>): Promise<T> {
  const next = turn.then(ask, ask);
  turn = next.catch(() => undefined);
  return next;
}

/** Before the client starts: what the server asks is asked here, until it takes that back or is lost. */
export function drawQuestions(client: LanguageClient, lost: vscode.Event<unknown>): void {
  client.onRequest("window/showMessageRequest", async (params: ShowMessageRequestParams, token) => {
    const over = new vscode.CancellationTokenSource(), cancel = (): void => { over.cancel(); };
    const listeners = vscode.Disposable.from(token.onCancellationRequested(cancel), lost(cancel));
    try {
      return await oneAtATime(() => ask(params, over.token));
    } finally {
      listeners.dispose();
    }
  });
}

/** A question that may do no harm comes only as an event: it is drawn whole, and any text may answer it. */
export function answerFreely(runs: Runs, server: Server): vscode.Disposable {
  return runs.onEvent(({ run, event }) => {
    if (event.kind === "question" && !event.safe && !run.inChat) {
      void oneAtATime(() => askFreely(runs, run, event)).then(async (given = {}) => {
        if (run.status !== "running") {
          return; // A late answer does no harm.
        }
        try {
          await server.execute("inhouse.answer", { questionId: event.questionId, ...given });
        } catch (error) {
          server.log.info(textOf(error)); // It was answered elsewhere.
        }
      });
    }
  });
}

/** What may do harm never takes the keyboard: a stray Enter must not allow it. */
function ask(params: ShowMessageRequestParams, token: vscode.CancellationToken): Thenable<MessageActionItem | null> {
  const actions = params.actions ?? [];
  if (token.isCancellationRequested) {
    return Promise.resolve(null);
  }
  switch (params.type) {
    case ERROR:
      return taken(vscode.window.showErrorMessage(inOneLine(params.message), ...actions), token);
    case WARNING:
      return warn(params.message, actions, token);
    default:
      return pick(params.message, actions, token);
  }
}

/** A message has room for few answers: the safe one first, the next, and a list of all. */
async function warn(message: string, actions: MessageActionItem[], token: vscode.CancellationToken): Promise<MessageActionItem | null> {
  const [safe, next] = actions;
  const shown = inOneLine(message);
  if (!safe || !next || actions.length < 4) {
    return taken(vscode.window.showWarningMessage(shown, ...actions), token);
  }
  const more: MessageActionItem = { title: "More…" };
  const answer = await taken(vscode.window.showWarningMessage(shown, safe, next, more), token);
  return answer === more ? pick(message, actions, token) : answer;
}

/** A message has no lines: where one ends is shown, since for a command it means something. */
function inOneLine(message: string): string {
  return message.trim().replace(/\n/g, " ⏎ ");
}

/** A message cannot be taken back from the screen, but the next one need not wait for it. */
async function taken<T>(answer: Thenable<T | undefined>, token: vscode.CancellationToken): Promise<T | null> {
  const reminder = remind();
  try {
    return await new Promise((resolve) => {
      token.onCancellationRequested(() => { resolve(null); });
      void answer.then((item) => { resolve(item ?? null); });
    });
  } finally {
    reminder.dispose();
  }
}

/** A message hides behind the bell after some seconds while its run waits: this stays, and opens the bell's list. */
function remind(): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("inhouse.question", vscode.StatusBarAlignment.Left, 11);
  item.name = "Inhouse Question";
  item.text = "$(question) An agent asks";
  item.tooltip = "Show the question";
  item.command = "notifications.showList";
  item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
  item.show();
  return item;
}

async function pick(message: string, actions: MessageActionItem[], token: vscode.CancellationToken): Promise<MessageActionItem | null> {
  const items = actions.map((action) => ({ label: plain(action.title), action }));
  const [title = "", ...more] = message.split("\n");
  const picked = await vscode.window.showQuickPick(items, { title, placeHolder: more.join(" ").trim() || "Your answer", ignoreFocusOut: true }, token);
  return picked?.action ?? null;
}

/** Asked no longer when the run has ended: the next question may wait.  Undefined where nothing was said. */
export function askFreely(runs: Runs, run: Run, question: FreeQuestion): Promise<Given | undefined> {
  return run.status !== "running" ? Promise.resolve(undefined) : question.choices.length ? askChoices(runs, run, question) : askText(runs, run, question);
}

/** With the agent that asks: a sub-agent's question is not its parent's. */
export type FreeQuestion = Pick<Extract<RunEvent, { kind: "question" }>, "agent" | "text" | "choices" | "detail" | "multiple">;

export interface Given {
  text?: string;
  choices?: string[];
}

async function askText(runs: Runs, run: Run, { agent, text }: FreeQuestion): Promise<Given | undefined> {
  const over = new vscode.CancellationTokenSource();
  const listener = runs.onDidEnd((ended) => { if (ended === run) { over.cancel(); } });
  try {
    const answer = await vscode.window.showInputBox({ title: `${plain(agent)} asks`, prompt: plain(text), ignoreFocusOut: true }, over.token);
    return answer === undefined ? undefined : { text: answer };
  } finally {
    listener.dispose();
    over.dispose();
  }
}

type Item = vscode.QuickPickItem & { choice?: string; words?: string };
/** Ends the list of those who have nothing of their own to say: here that is typed. */
const OTHER = "Something else…";

/** Choices with what is told of each; whatever is typed is an answer too, and leaving the list keeps what was picked in it. */
function askChoices(runs: Runs, run: Run, { agent, text, choices, detail = "", multiple }: FreeQuestion): Promise<Given | undefined> {
  const offered = choices.filter((choice) => choice !== OTHER).map((choice): Item => ({ label: plain(choice), detail: toldOf(choice, detail), choice }));
  const pick = vscode.window.createQuickPick<Item>();
  Object.assign(pick, { title: `${plain(agent)} asks: ${plain(text).replace(/\s+/g, " ")}`, ignoreFocusOut: true, canSelectMany: multiple === true, matchOnDetail: true, items: offered,
    placeholder: multiple ? "Pick any number, or type your own answer" : "Pick one, or type your own answer" });
  return new Promise((resolve) => {
    let given: Given | undefined;
    const picked = (): string[] => pick.selectedItems.flatMap(({ choice }) => choice ?? []);
    const listeners = vscode.Disposable.from(
      runs.onDidEnd((ended) => { if (ended === run) { pick.hide(); } }),
      pick.onDidChangeValue((value) => {
        const words = value.trim();
        const { selectedItems } = pick;
        pick.items = words ? [...offered, { label: `$(edit) ${plain(words)}`, description: "your own words", alwaysShow: true, words }] : offered;
        if (multiple) {
          pick.selectedItems = pick.items.filter((item) => selectedItems.some((each) => each.choice !== undefined && each.choice === item.choice));
        }
      }),
      pick.onDidAccept(() => {
        const words = pick.selectedItems.find((item) => item.words)?.words ?? (multiple || !picked().length ? pick.value.trim() : ""); // Enter may be faster than the row.
        given = { choices: picked(), ...(words ? { text: words } : {}) };
        pick.hide();
      }),
      pick.onDidHide(() => {
        if (multiple && !given && picked().length) {
          given = { choices: picked() };
        }
        listeners.dispose();
        pick.dispose();
        resolve(given);
      }));
    pick.show();
  });
}

/** The server tells of choices line by line: `label: description`. */
function toldOf(choice: string, detail: string): string | undefined {
  const line = detail.split("\n").find((each) => each.startsWith(`${choice}: `));
  return line && plain(line.slice(choice.length + 2));
}
