/** One turn of the chat: a run, drawn as it happens. */
import vscode = require("vscode");
import { asCode, asMarkdown, plain } from "../problem";
import type { EditState, RunEvent, RunResult } from "../protocol";
import { LOG, partsOf } from "../remedies";
import type { Run } from "../runs";
import type { Parts } from "../commands";
import { spent } from "../views";
import { Words } from "./words";

export const ANSWER = "inhouse.chat.answer", REMEDY = "inhouse.chat.remedy";
type Question = Extract<RunEvent, { kind: "question" }>;
/** More choices than that are a list to choose from. */
const BUTTONS = 6;

export class Turn {
  private run?: Run;
  /** Its user stopped it: the view takes no more words, and throws. */
  private stopped = false;
  private readonly early: { run: Run; event: RunEvent }[] = [];
  /** What each call does, and what it did, in the server's words; those that only end a step are told of only where they fail. */
  private readonly calls = new Map<string, { title: string; did?: string }>();
  private readonly ended: Promise<RunResult | undefined>;
  private readonly listeners: vscode.Disposable[] = [];
  private readonly words = new Words((text) => { this.stream.markdown(text); });

  constructor(private readonly parts: Parts, private readonly stream: vscode.ChatResponseStream) {
    this.ended = new Promise((resolve) => {
      this.listeners.push(
        parts.runs.onEvent((happened) => { this.take(happened); }),
        parts.runs.onDidEnd((run) => { if (run === this.run) { resolve(run.result); } }));
    });
  }

  /** Start the run and draw it to its end; undefined where the server was lost.  Throws what the server refuses. */
  async play(argument: Record<string, unknown>, token: vscode.CancellationToken, began: (session: string | undefined) => void): Promise<Played> {
    const { runs, server } = this.parts;
    const client = await server.client();
    let session: string | undefined, ended = this.ended;
    try {
      const run = await runs.start(client, { ...argument, ownView: true, showTranscript: false }, async (each) => {
        const started = await server.execute<{ runId: string; agent: string; route: Run["route"]; session?: string; steered?: true }>("inhouse.run", each);
        session = started.session;
        began(session);
        if (started.steered) {
          throw new Steered(started.agent);
        }
        return started;
      });
      this.run = run;
      this.early.splice(0).forEach((happened) => { this.take(happened); });
      if (run.status !== "running") {
        ended = Promise.resolve(run.result);
      }
      const cancel = (): void => { this.stopped = true; void runs.cancel(client, run); };
      this.listeners.push(token.onCancellationRequested(cancel));
      if (token.isCancellationRequested) {
        cancel();
      }
      return { session, agent: run.agent, run, result: await ended, used: spent(run.used) };
    } catch (error) {
      if (error instanceof Steered) {
        this.stream.markdown("The previous turn is still running.  It gets this before its next step.");
        return { session, agent: error.agent, steered: true };
      }
      throw error;
    } finally {
      vscode.Disposable.from(...this.listeners).dispose();
      if (!this.stopped) {
        this.words.end();
      }
    }
  }

  private take(happened: { run: Run; event: RunEvent }): void {
    if (!this.run) {
      this.early.push(happened);
    } else if (happened.run === this.run && !this.stopped) {
      this.draw(happened.event);
    }
  }

  /** Where something is drawn between the words of an answer.  An event that draws nothing does not part them: VS Code joins what comes next to them, and with that a mark. */
  private get between(): vscode.ChatResponseStream {
    this.words.end();
    return this.stream;
  }

  private draw(event: RunEvent): void {
    const own = event.runId === this.run?.id;
    switch (event.kind) {
      case "start":
        this.between.progress(plain(`${event.agent} on ${event.route.endpoint} (${event.route.local ? "local" : "remote"}), ${event.route.model}`));
        break;
      case "text":
        if (own) {
          this.words.say(event.delta);
        }
        break;
      case "tool_call": {
        const by = own ? "" : `${event.agent}: `, title = event.title ?? event.tool;
        this.calls.set(`${event.runId} ${event.callId}`, { title: by + title, did: event.did && by + event.did });
        if (event.did) {
          this.between.progress(plain(title));
        }
        break;
      }
      case "tool_result": { // VS Code takes a progress away as soon as something follows it: this stays.
        const id = `${event.runId} ${event.callId}`, { title, did } = this.calls.get(id) ?? { title: "a call" };
        this.calls.delete(id); // A server may use it again.
        if (!event.ok || did) {
          const happened = event.summary.startsWith("exit ") && did; // Whatever else failed was not done.
          this.between.markdown(text(event.ok ? `✓ ${did ?? ""}` : `✗ ${happened || title}: ${firstLine(event.summary)}`));
          if (!this.calls.size) {
            this.stream.progress("Waiting for the model"); // It parts the answer from the steps, which VS Code folds at the end.
          }
        }
        break;
      }
      case "question":
        this.ask(event);
        break;
      case "notice":
        this.notice(event);
        break;
      default:
        break;
    }
  }

  private notice(event: Extract<RunEvent, { kind: "notice" }>): void {
    if (event.level === "warning" || ["answer", "compacted", "not_compacted"].includes(event.code)) {
      this.between.markdown(text(`${event.message}`));
    } else if (event.code === "attached") {
      this.between.progress(plain(event.message));
    }
  }

  /** Buttons stay on the screen; each question takes one answer, which the server sees to. */
  private ask(question: Question): void {
    const { questionId, agent, choices, detail, multiple, text } = question, runId = this.run?.id;
    const said = (question.runId === runId ? "" : `${agent}: `) + (detail ? text.replace(detail, "").trim() : text);
    const words = [asMarkdown(said), detail && (question.safe ? asCode : asMarkdown)(detail)].filter(Boolean).join("\n\n");
    this.between.markdown(new vscode.MarkdownString(`\n\n${words}\n\n`));
    const button = (title: string, answer: object): void => { this.between.button({ command: ANSWER, title: plain(title), arguments: [answer] }); };
    if (choices.length && !multiple && choices.length <= BUTTONS) {
      choices.forEach((choice) => { button(choice, { questionId, choices: [choice] }); });
    } else {
      button(choices.length ? "Choose…" : "Answer…", { questionId, runId, ask: { agent, text, choices, detail, multiple } });
    }
  }
}

/** What was said reached a turn that runs: no turn of its own. */
class Steered extends Error {
  constructor(readonly agent: string) {
    super("steered");
  }
}

export interface Played {
  session?: string;
  agent: string;
  /** Missing where what was said reached a turn that runs. */
  run?: Run;
  /** Missing where the server was lost. */
  result?: RunResult;
  /** Tokens, the share of the window and the cost, in words. */
  used?: string;
  steered?: true;
}

/** The end of a turn: what waits for its user comes last, where it stays in view. */
export function conclude(stream: vscode.ChatResponseStream, { result, used, steered }: Played): vscode.ChatErrorDetails | undefined {
  if (steered) {
    return undefined;
  }
  if (!result) {
    stream.button({ command: "inhouse.showLog", title: "Show Log" });
    return { message: "The server stopped.  The text so far is kept.  Ask again to continue." };
  }
  if (result.status === "cancelled") {
    stream.markdown(text("Cancelled.  What was said and proposed so far is kept."));
  }
  const files = (state: EditState): string[] => [...new Set(result.edits.filter((edit) => edit.state === state).map((edit) => edit.uri))];
  if (result.status === "completed" && used) {
    stream.markdown(text(`${used} on ${result.route.endpoint} (${result.route.local ? "local" : "remote"})`));
  }
  const changed = files("applied"), proposed = files("proposed"), which = { runId: result.runId, session: result.session };
  if (changed.length) {
    list(stream, changed.length === 1 ? "Changed 1 file: " : `Changed ${changed.length} files: `, changed);
    stream.button({ command: "inhouse.undoRun", title: "Undo", arguments: [which] });
  }
  if (proposed.length) {
    list(stream, proposed.length === 1 ? "Proposed changes wait in 1 file: " : `Proposed changes wait in ${proposed.length} files: `, proposed);
    stream.button({ command: "inhouse.reviewEdits", title: "Review Edits", arguments: [result.runId] });
    stream.button({ command: "inhouse.applyEdits", title: "Apply All", arguments: [which] });
    stream.button({ command: "inhouse.rejectEdits", title: "Reject All", arguments: [which] });
  }
  return result.status === "failed" && result.error ? failure(stream, { data: result.error }) : undefined;
}

function list(stream: vscode.ChatResponseStream, words: string, files: readonly string[]): void {
  stream.markdown(`\n\n${words}`);
  files.forEach((uri) => { stream.anchor(vscode.Uri.parse(uri)); });
}

/** An error with its ways out: the buttons come before it, since its own text has no links. */
export function failure(stream: vscode.ChatResponseStream, error: unknown): vscode.ChatErrorDetails {
  const { cause, remedies } = partsOf(error);
  (remedies.length ? remedies : [LOG]).forEach((remedy) => { stream.button({ command: REMEDY, title: remedy.title, arguments: [remedy] }); });
  return { message: cause };
}

/** A paragraph of words that are shown as they are. */
const text = (words: string): vscode.MarkdownString => new vscode.MarkdownString(`\n\n${asMarkdown(words)}\n\n`);

const firstLine = (words: string): string => words.trim().split("\n", 1)[0] ?? "";
