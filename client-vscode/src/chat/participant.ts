/** `@inhouse` in VS Code's own chat: turns of a session of the store, on whatever serves its agent. */
import vscode = require("vscode");
import { COMPACT, tellEnd, type Parts } from "../commands";
import { onDidConfigure } from "../firstMinute";
import { asMarkdown, plain, textOf } from "../problem";
import type { AgentSummary, Remedy, SessionTurn } from "../protocol";
import { askFreely, type FreeQuestion } from "../questions";
import { partsOf, perform } from "../remedies";
import { keepSession, memoryOf, type Memory } from "./memory";
import { chosenBy, ChatModels } from "./models";
import { hasChat, modelOf, showsChat, toolsOf } from "./newerApi";
import { promptOf } from "./references";
import { ANSWER, conclude, failure, REMEDY, Turn } from "./turn";

const PARTICIPANT = "inhouse.agent", USE = "inhouse.chat.use";
const DEFAULT_AGENT = "ask";
/** Models of one server that are offered as buttons: the picker has them all. */
const OFFERED = 3;

/** Take part in the chat where there is one; everything else works without it. */
export function chat(parts: Parts): vscode.Disposable {
  const commands = [
    vscode.commands.registerCommand(ANSWER, (answer: Answer) => giveAnswer(parts, answer)),
    vscode.commands.registerCommand(REMEDY, (remedy: Remedy) => perform(remedy)),
    vscode.commands.registerCommand(USE, (provider: string, model: string) => parts.firstMinute.use(provider, model).catch((error: unknown) => parts.server.tell(error))),
    vscode.commands.registerCommand("inhouse.openChat", () => openChat()),
  ];
  if (!hasChat()) {
    return vscode.Disposable.from(...commands);
  }
  const models = new ChatModels(parts.context, parts.server);
  const participant = vscode.chat.createChatParticipant(PARTICIPANT, (request, context, stream, token) => answer(parts, models, request, context, stream, token));
  participant.iconPath = vscode.Uri.joinPath(parts.context.extensionUri, "media", "icon.png");
  participant.followupProvider = { provideFollowups: (result) => followups(result) };
  return vscode.Disposable.from(...commands, models, participant);
}

/** The chat with `@inhouse` typed; the palette's way where there is no chat. */
async function openChat(): Promise<void> {
  if (showsChat()) {
    await vscode.commands.executeCommand("workbench.action.chat.open", { query: "@inhouse ", isPartialQuery: true });
  } else {
    await vscode.commands.executeCommand("inhouse.runAgent");
  }
}

async function answer(parts: Parts, models: ChatModels, request: vscode.ChatRequest, context: vscode.ChatContext, stream: vscode.ChatResponseStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  const result = await takeTurn(parts, models, request, context, stream, token);
  const told = context.history.some((turn) => turn instanceof vscode.ChatResponseTurn && (turn.result.metadata as Memory | undefined)?.distrust);
  if (!vscode.workspace.isTrusted && !told && !token.isCancellationRequested) { // Once, and at the end: what comes before it is folded.
    stream.markdown("\n\nThis workspace is not trusted: its agents and settings have no effect until you trust it.  Until then, you can run the agents that come with Inhouse, and your own.\n\n");
    stream.button({ command: "workbench.trust.manage", title: "Manage Trust" });
    return { ...result, metadata: { ...result.metadata, distrust: true } };
  }
  return result;
}

async function takeTurn(parts: Parts, models: ChatModels, request: vscode.ChatRequest, context: vscode.ChatContext, stream: vscode.ChatResponseStream, token: vscode.CancellationToken): Promise<vscode.ChatResult> {
  const { cutOff, ...before } = memoryOf(parts.context, context);
  try {
    await parts.server.client();
  } catch (error) {
    stream.button({ command: "inhouse.restartServer", title: "Start the Server" });
    stream.button({ command: "inhouse.showLog", title: "Show Log" });
    return { errorDetails: { message: textOf(error) }, metadata: before };
  }
  void models.refresh().catch((error: unknown) => { parts.server.log.info(textOf(error)); });
  const said = await readRequest(parts, request, before);
  if (said.agent === undefined) {
    await listAgents(parts, stream, request.prompt);
    return { metadata: before };
  }
  tellLeft(stream, toolsOf(request).map(({ name }) => `#${name}`), said.left);
  const { session } = before;
  if (request.command === "compact" && !session) {
    stream.markdown("There is nothing to compact yet: no agent has answered in this conversation.");
    return { metadata: before };
  }
  if (request.command === "compact" && request.prompt.trim()) {
    stream.markdown("`/compact` takes no text: what you wrote after it is not sent.\n\n");
  }
  const goesOn = session !== undefined && cutOff && (await wasInterrupted(parts, session)); // Before this turn is one, too.
  const argument = { agent: said.agent, prompt: said.text, ...chosenBy(modelOf(request)), ...(session ? { session } : {}) };
  for (;;) {
    try {
      const run = await new Turn(parts, stream).play(argument, token, (begun) => {
        if (begun) { void keepSession(parts.context, context, request.prompt, begun); }
      });
      const metadata = { session: run.session ?? session, agent: run.agent, shows: /^ *[`~]{3}/m.test(run.result?.text ?? "") };
      if (token.isCancellationRequested) { // Its view takes no more words.
        if (run.run) {
          tellEnd(run.run);
        }
        return { metadata };
      }
      const errorDetails = conclude(stream, run);
      if (goesOn) { // At the end: what comes before it is folded.
        stream.markdown("\n\nThe previous turn was interrupted by a restart of the window or the server.  Its text and its edits are kept.\n\n");
        stream.button({ command: "inhouse.openSession", title: "Show the Session", arguments: [{ session }] });
      }
      return { errorDetails, metadata };
    } catch (error) {
      const metadata = { ...before, agent: said.agent };
      if (token.isCancellationRequested) {
        void parts.server.tell(error);
        return { metadata };
      }
      if (partsOf(error).code !== "no-endpoint") {
        return { errorDetails: failure(stream, error), metadata };
      }
      if (!(await offerModels(parts, stream, token))) {
        return { metadata };
      }
    }
  }
}

function tellLeft(stream: vscode.ChatResponseStream, tools: readonly string[], others: readonly string[]): void {
  if (tools.length) {
    stream.markdown(`Not attached: ${asMarkdown(tools.join(", "))}.  Agents use the tools of their definition, not those of VS Code.\n\n`);
  }
  if (others.length) {
    stream.markdown(`Not attached, because it is neither a file nor text: ${asMarkdown(others.join(", "))}.\n\n`);
  }
}

/** The chat keeps no word of how a turn ended that was cut off: the store does. */
async function wasInterrupted({ server }: Parts, session: string): Promise<boolean> {
  const turns = await server.execute<SessionTurn[]>("inhouse.session.turns", { session }).catch(() => []);
  return ["interrupted", "cancelled"].includes(turns.at(-1)?.status ?? "");
}

interface Said {
  agent?: string;
  text: string;
  left: string[];
}

/** `/agent NAME …` names any agent, `/compact` is the server's own; the other commands are agents that come with Inhouse. */
async function readRequest({ server }: Parts, request: vscode.ChatRequest, before: Memory): Promise<Said> {
  const { text, left } = promptOf(request.prompt, request.references);
  if (request.command === "compact") {
    return { agent: before.agent ?? DEFAULT_AGENT, text: COMPACT, left: [] };
  }
  if (request.command !== "agent") {
    return { agent: request.command ?? before.agent ?? DEFAULT_AGENT, text, left };
  }
  const [name = "", ...rest] = text.trim().split(/\s+/);
  const agents = await server.execute<AgentSummary[]>("inhouse.agents");
  const known = agents.find((one) => !one.shadowedBy && one.id === name.toLowerCase());
  return { agent: known?.id, text: rest.length ? text.trim().slice(name.length).trim() : text, left };
}

async function listAgents({ server }: Parts, stream: vscode.ChatResponseStream, prompt: string): Promise<void> {
  const agents = (await server.execute<AgentSummary[]>("inhouse.agents")).filter((one) => !one.shadowedBy && one.usable);
  const [name] = prompt.trim().split(/\s+/);
  const words = name ? `There is no agent “${asMarkdown(name)}”.  Write one of these after \`/agent\`:` : "Write an agent after `/agent`:";
  stream.markdown([`${words}\n`, ...agents.map((one) => `- ${asMarkdown(`${one.id}: ${one.description}`)}`)].join("\n"));
}

/** No model yet: what could serve, as buttons; the turn goes on with its prompt as soon as one was chosen. */
async function offerModels({ firstMinute }: Parts, stream: vscode.ChatResponseStream, token: vscode.CancellationToken): Promise<boolean> {
  stream.progress("Looking for model servers on this machine…");
  const [found, embedded] = await Promise.all([firstMinute.found(), firstMinute.embedded()]);
  const words = found.length ? "No model is chosen yet.  Choose one that answers on this machine, and your question continues." :
    "No model is chosen yet, and no model server answers on this machine.  Add one, and your question continues.";
  stream.markdown(`${words}\n\n`);
  for (const provider of found) {
    for (const model of (provider.models ?? []).slice(0, OFFERED)) {
      const where = model.local ? provider.label : `${provider.label}, forwarded to its cloud`;
      stream.button({ command: USE, title: plain(`Use ${model.id} (${where})`), arguments: [provider.name, model.id] });
    }
  }
  if (!embedded.installed && !found.length) {
    stream.markdown(`\n\nWithout any server, the embedded model runs on this machine. ${asMarkdown(embedded.ability)}\n\n`);
    stream.button({ command: "inhouse.installModel", title: "Install the Embedded Model" });
  }
  stream.button({ command: "inhouse.addEndpoint", title: found.length ? "Another Model…" : "Add Endpoint…" });
  return chosen(token);
}

/** Something serves now, or the turn was stopped. */
function chosen(token: vscode.CancellationToken): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (serves: boolean): void => { listeners.dispose(); resolve(serves); };
    const listeners = vscode.Disposable.from(onDidConfigure(() => { done(true); }), token.onCancellationRequested(() => { done(false); }));
    if (token.isCancellationRequested) {
      done(false);
    }
  });
}

/** What follows from an answer that shows code, by an agent that changes nothing: the session goes on with one that does. */
function followups(result: vscode.ChatResult): vscode.ChatFollowup[] {
  const { agent, shows } = (result.metadata ?? {}) as Memory;
  return !result.errorDetails && shows && agent === DEFAULT_AGENT ? [{ prompt: "Make the change that you described", label: "Make the change", command: "edit", participant: PARTICIPANT }] : [];
}

interface Answer {
  questionId: string;
  choices?: string[];
  /** What is asked for in a list or a box, while the run of the turn works. */
  ask?: FreeQuestion;
  runId?: string;
}

/** A button of a question: the server takes one answer, and says so to every later one. */
async function giveAnswer({ runs, server }: Parts, { questionId, choices, ask, runId = "" }: Answer): Promise<void> {
  const run = runs.find(runId), given = ask && run?.status === "running" ? await askFreely(runs, run, ask) : { choices };
  if (!given) {
    return;
  }
  try {
    await server.execute("inhouse.answer", { questionId, ...given });
  } catch (error) {
    void vscode.window.showInformationMessage(partsOf(error).cause); // Such as: it was answered before.
  }
}
