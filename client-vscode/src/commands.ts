/** What the palette and the menus offer. */
import vscode = require("vscode");
import { checkEndpoints, explainRoute } from "./endpoints";
import type { FirstMinute } from "./firstMinute";
import type { Folding } from "./folding";
import { chooseKey, setApiKey } from "./keys";
import { newAgent } from "./newAgent";
import { promptInList, pickAgent, pickRun } from "./pick";
import { plain as plainText } from "./problem";
import { notify } from "./progress";
import type { Prompts } from "./prompts";
import type { RunArguments, RunStarted } from "./protocol";
import { offerRemedies } from "./remedies";
import type { Review } from "./review";
import { doingOf, type Run, type Runs } from "./runs";
import type { Server } from "./server";
import { sessionCommands } from "./sessions";
import { runIdOf, wasShown } from "./transcript";

export interface Parts {
  context: vscode.ExtensionContext;
  server: Server;
  runs: Runs;
  review: Review;
  folding: Folding;
  firstMinute: FirstMinute;
  prompts: Prompts;
}

export function registerCommands(parts: Parts): vscode.Disposable {
  const { context, server, review, prompts } = parts;
  const commands: Record<string, (...args: never[]) => unknown> = {
    runAgent: (file?: vscode.Uri | { agent?: string; prompt?: string }) => runAgent(parts, file),
    runAgentOnSelection: () => runOnSelection(parts),
    writePrompt: (given?: { agent?: string }) => writePrompt(parts, given?.agent),
    ...prompts.commands(),
    cancelRun: (run?: unknown) => cancelRun(parts, run),
    showRun: (run?: unknown) => showRun(parts, run),
    showRuns: () => showRun(parts),
    explainRoute: async (given?: vscode.Uri | { agent?: string }) => {
      const named = given instanceof vscode.Uri ? undefined : given?.agent;
      const agent = named ?? (await pickAgent(server, "Explain the route of…", fileOf(given)))?.id;
      return agent && explainRoute(server, agent);
    },
    checkEndpoints: (of?: { endpoint?: string; baseUrl?: string; agent?: string }) => checkEndpoints(server, of),
    addEndpoint: () => parts.firstMinute.choose(),
    installModel: () => parts.firstMinute.install(),
    setApiKey: async (of?: string | { endpoint?: string }) => {
      const named = typeof of === "string" ? of : of?.endpoint, chosen = named ? { endpoint: named } : await chooseKey(context, server);
      return chosen?.endpoint ? parts.firstMinute.replaceKey(chosen.endpoint) : chosen?.name ? setApiKey(context, server, chosen.name) : false;
    },
    openAgentDefinition: () => openDefinition(server),
    newAgent: (folder?: vscode.Uri) => newAgent(server, folder),
    restartServer: () => restartAsked(parts),
    showLog: () => { server.log.show(); },
    ...review.commands(),
    ...sessionCommands(server, (session, agent) => replyIn(parts, session, agent), async (session) => { await persist(parts, { session, prompt: COMPACT, showTranscript: false }); }),
  };
  return vscode.Disposable.from(...Object.entries(commands).map(([name, run]) =>
    vscode.commands.registerCommand(`inhouse.${name}`, async (...args) => {
      try {
        return await run(...(args as never[]));
      } catch (error) {
        return server.tell(error);
      }
    })));
}

/** Restart the server, which ends what runs; changes that wait for a decision are kept.  The user is told so first. */
async function restartAsked({ server, runs }: Parts): Promise<void> {
  const none = new Promise<unknown[]>((resolve) => setTimeout(() => resolve([]), 2_000)); // it may be stuck
  const waiting = (await Promise.race([server.execute<unknown[]>("inhouse.edits").catch(() => []), none])).length;
  const working = runs.active.length;
  if (waiting || working) {
    const ends = working && (working === 1 ? "The restart stops 1 running agent." : `The restart stops ${working} running agents.`);
    const kept = waiting && (waiting === 1 ? "1 proposed change waits for your decision. It comes back after the restart." : `${waiting} proposed changes wait for your decision. They come back after the restart.`);
    if ((await vscode.window.showWarningMessage([ends, kept].filter(Boolean).join("  "), { modal: true }, "Restart")) !== "Restart") {
      return;
    }
  }
  await server.restart();
}

/** What the server's own commands do when a lens, a code action or a key calls them. */
export async function runFromServer(parts: Parts, command: string, args: unknown[], next: (args: unknown[]) => Promise<unknown>): Promise<unknown> {
  const [first] = args;
  const given: RunArguments = typeof first === "string" ? { prompt: first } : { ...(first as RunArguments | undefined) };
  const agent = given.agent ?? command.replace("inhouse.run.", "");
  if (given.prompt !== undefined) {
    return persist(parts, given, (argument) => next([argument]) as Promise<RunStarted>);
  }
  const asked = agent === "" || await parts.firstMinute.ready(agent) ? await parts.prompts.ask(agent, { ...given, ...(agent ? { agent } : {}) }) : undefined;
  return asked && persist(parts, asked);
}

/** Start; where an error has a remedy that was taken, once more with the same prompt. */
export async function persist(parts: Parts, argument: RunArguments, send?: Send): Promise<RunStarted | undefined> {
  for (;;) {
    try {
      return await start(parts, argument, send);
    } catch (error) {
      if (!(await parts.server.tell(error))) {
        return undefined;
      }
    }
  }
}

async function runAgent(parts: Parts, from?: vscode.Uri | { agent?: string; prompt?: string }): Promise<void> {
  const file = from instanceof vscode.Uri ? from : undefined;
  const given = file ? {} : ((from ?? {}) as { agent?: string; prompt?: string });
  const agent = given.agent ?? (await pickAgent(parts.server, vscode.workspace.isTrusted ? "Run an agent" : "Run an agent (restricted mode: agents of this workspace do not run)", fileOf(file)))?.id;
  if (!agent || !(await parts.firstMinute.ready(agent))) {
    return;
  }
  const uri = vscode.window.activeTextEditor?.document.uri;
  const argument: RunArguments = { agent, ...(uri?.scheme === "file" ? { uri: uri.toString() } : {}) };
  const asked = given.prompt === undefined ? await parts.prompts.ask(agent, argument) : { ...argument, prompt: given.prompt };
  if (asked) {
    await persist(parts, asked);
  }
}

/** A document to write in; what is selected is sent along, else the file that is open. */
async function writePrompt(parts: Parts, named?: string): Promise<void> {
  const agent = named ?? (await pickAgent(parts.server, "Write a prompt for…"))?.id;
  if (agent && (await parts.firstMinute.ready(agent))) {
    await parts.prompts.write(agent, { agent, ...placeOfEditor() });
  }
}

function placeOfEditor(): Pick<RunArguments, "uri" | "range"> {
  const { document, selection } = vscode.window.activeTextEditor ?? {};
  if (!document || !selection || !["file", "untitled"].includes(document.uri.scheme)) {
    return {};
  }
  return { uri: document.uri.toString(), ...(selection.isEmpty ? {} : { range: { start: plain(selection.start), end: plain(selection.end) } }) };
}

async function runOnSelection(parts: Parts): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) {
    throw new Error("Open a file and select the text for the agent.");
  }
  const { document, selection } = editor;
  const range = { start: plain(selection.start), end: plain(selection.end) };
  const agent = await pickAgent(parts.server, "Run an agent on the selection");
  const asked = agent && (await parts.firstMinute.ready(agent.id)) ? await parts.prompts.ask(agent.id, { agent: agent.id, uri: document.uri.toString(), range }) : undefined;
  if (asked) {
    await persist(parts, asked);
  }
}

/** The next turn of a session; while one runs, what is said reaches the model before its next step. */
async function replyIn(parts: Parts, session: string, agent: string): Promise<void> {
  const asked = await parts.prompts.ask(agent ? `Reply to ${agent}` : "Reply", { session });
  if (asked) {
    await persist(parts, asked);
  }
}

const plain = ({ line, character }: vscode.Position): { line: number; character: number } => ({ line, character });

/** The prompt of a turn that makes a conversation smaller: the server knows it. */
export const COMPACT = "/compact";

type Send = (argument: RunArguments) => Promise<RunStarted>;

async function start({ server, runs, prompts }: Parts, argument: RunArguments, send: Send = (each) => server.execute("inhouse.run", each)): Promise<RunStarted> {
  const client = await server.client();
  prompts.keep(argument, argument.prompt ?? "");
  const show = vscode.workspace.getConfiguration("inhouse").get("showTranscript", true);
  const run = await runs.start(client, { showTranscript: show, ...argument }, send);
  if (!run.place && !run.showsTranscript) {
    notify(runs, run, () => { void runs.cancel(client, run); });
  }
  return { runId: run.id, agent: run.agent, route: run.route };
}

async function cancelRun({ server, runs }: Parts, given: unknown): Promise<void> {
  const id = runOf(given) ?? (await oneOf(runs));
  if (id) {
    await server.execute("inhouse.cancel", { runId: id });
  }
}

async function oneOf(runs: Runs): Promise<string | undefined> {
  const { active } = runs;
  if (active.length < 2) {
    return active[0]?.id;
  }
  const items = active.map((run: Run) => ({ label: plainText(run.agent), description: plainText(doingOf(run)), detail: promptInList(run.prompt), id: run.id }));
  return (await vscode.window.showQuickPick(items, { title: "Cancel which run?", matchOnDescription: true, matchOnDetail: true }))?.id;
}

/** The run that a string, a row of a tree or a transcript names. */
const runOf = (given: unknown): string | undefined =>
  typeof given === "string" ? given : runIdOf(fileOf(given)) ?? (given as { runId?: string } | undefined)?.runId;

async function showRun({ server }: Parts, given?: unknown): Promise<void> {
  const id = runOf(given) ?? await pickRun(server, "Runs");
  if (id) {
    await server.execute("inhouse.transcript", { runId: id });
  }
}

async function openDefinition(server: Server): Promise<void> {
  const agent = await pickAgent(server, "Open the definition of…");
  if (agent) {
    const start = agent.range ? new vscode.Position(agent.range.start.line, agent.range.start.character) : new vscode.Position(0, 0);
    await vscode.window.showTextDocument(vscode.Uri.parse(agent.source), { selection: new vscode.Range(start, start) });
  }
}

const fileOf = (given: unknown): vscode.Uri | undefined => given instanceof vscode.Uri ? given : undefined;

/** A run has ended: say so where nobody is looking.  What the server's end means for it, the server tells. */
export function announce(prompts: Prompts, run: Run): void {
  if (run.inChat) {
    return; // Told there, or by the chat where its view takes no more words.
  }
  if (run.status === "completed") {
    prompts.forget(run);
  }
  tellEnd(run);
}

/** What an end means for its user, as a message. */
export function tellEnd(run: Run): void {
  if (run.status === "failed" && run.result?.error) {
    const { cause, code, remedies } = run.result.error;
    void offerRemedies({ code, cause: `${run.agent} failed: ${plainText(cause)}`, remedies }, [{ id: "showLog", title: "Show Log" }]);
    return;
  }
  const edits = run.result?.edits.filter((edit) => edit.state === "proposed").length ?? 0;
  if (edits) {
    void offer(`${run.agent} proposes changes to ${edits === 1 ? "1 file" : `${edits} files`}.`, run, "Review Edits");
  } else if (run.status === "completed" && isHidden(run)) {
    void offer(`${run.agent} is done: ${firstLine(run.result?.text ?? "")}`, run, "Show Run");
  }
}

async function offer(message: string, run: Run, action: "Show Run" | "Review Edits"): Promise<void> {
  if ((await vscode.window.showInformationMessage(plainText(message), action)) === action) {
    await vscode.commands.executeCommand(action === "Show Run" ? "inhouse.showRun" : "inhouse.reviewEdits", run.id);
  }
}

/** Nobody sees its end: one that was asked for and was never there yet is still opening. */
function isHidden(run: Run): boolean {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter((tab) => tab.input instanceof vscode.TabInputText && runIdOf(tab.input.uri) === run.id);
  return !tabs.some((tab) => tab.isActive) && (!run.showsTranscript || wasShown(run.id));
}

function firstLine(text: string): string {
  const line = (text.trim().split("\n")[0] ?? "").replace(/^#+ |\*\*|`/g, ""); // A message shows no Markdown.
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}
