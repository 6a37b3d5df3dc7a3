/** The runs of this window: started here, followed through their events. */
import { randomUUID } from "node:crypto";
import vscode = require("vscode");
import type { LanguageClient } from "vscode-languageclient/node";
import { load } from "./library";
import type { Route, RunArguments, RunEvent, RunResult, RunStarted, Status } from "./protocol";

/** Where a run was started: a line that moves with the text around it. */
export interface Place {
  uri: vscode.Uri;
  line: number;
}

export interface Run {
  readonly id: string;
  readonly agent: string;
  readonly route: Route;
  readonly session?: string;
  readonly prompt: string;
  readonly place?: Place;
  readonly showsTranscript: boolean;
  /** The chat shows it: questions and its end need no other place. */
  readonly inChat: boolean;
  readonly startedAt: number;
  status: Status;
  /** What it is doing now, in the server's words. */
  message: string;
  result?: RunResult;
  /** What it has used so far, sub-agents included; the cost is null where some of it is unknown. */
  readonly used: { inputTokens: number; outputTokens: number; costUsd: number | null; contextTokens?: number; contextWindow?: number };
}

type Send = (argument: RunArguments) => Promise<RunStarted>;

export class Runs implements vscode.Disposable {
  private readonly runs = new Map<string, Run>();
  private readonly tokens = new Map<string, { workDoneToken: string; listeners: vscode.Disposable }>();
  private readonly changed = new vscode.EventEmitter<Run>();
  private readonly events = new vscode.EventEmitter<{ run: Run; event: RunEvent }>();
  private readonly started = new vscode.EventEmitter<Run>();
  private readonly ended = new vscode.EventEmitter<Run>();
  readonly onDidChange = this.changed.event;
  readonly onEvent = this.events.event;
  readonly onDidStart = this.started.event;
  readonly onDidEnd = this.ended.event;
  /** Runs that were asked for and have no id yet. */
  private starting = 0;
  private readonly moves = vscode.workspace.onDidChangeTextDocument((change) => { this.movePlaces(change); });

  get active(): Run[] {
    return [...this.runs.values()].filter((run) => run.status === "running");
  }

  /** Nothing runs, and nothing is about to. */
  get isIdle(): boolean {
    return !this.starting && !this.active.length;
  }

  get newest(): Run | undefined {
    return [...this.runs.values()].at(-1);
  }

  find(id: string): Run | undefined {
    return this.runs.get(id);
  }

  /** The run of an id; one that is just being started is waited for, as long as that may take. */
  async named(id: string): Promise<Run | undefined> {
    for (let waited = 0; !this.runs.has(id) && this.starting > 0 && waited < 500; waited += 10) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.runs.get(id);
  }

  /** Start a run through *send* and follow it; the server answers at once. */
  async start(client: LanguageClient, argument: RunArguments, send: Send): Promise<Run> {
    const { ProgressType, WorkDoneProgress } = load();
    const tokens = { streamToken: randomUUID(), workDoneToken: randomUUID() };
    let run: Run | undefined;
    const early: ((run: Run) => void)[] = []; // What arrives before the answer has named the run.
    const when = (act: (run: Run) => void): void => { if (run) { act(run); } else { early.push(act); } };
    const listeners = vscode.Disposable.from(
      client.onProgress(new ProgressType<{ events: RunEvent[] }>(), tokens.streamToken, ({ events }) => { when((each) => { events.forEach((event) => { this.take(each, event); }); }); }),
      client.onProgress(WorkDoneProgress.type, tokens.workDoneToken, (value) => { when((each) => { this.report(each, value.message); }); }));
    this.starting++;
    try {
      // Only the chat shows words; transcripts come as documents.
      const { runId, agent, route, session, steered } = await send({ ...argument, ...tokens, streamText: argument.ownView === true });
      const running = steered ? this.runs.get(runId) : undefined;
      if (running) { // It was said to the turn that runs: no second run.
        listeners.dispose();
        return running;
      }
      run = { id: runId, agent, route, session, prompt: argument.prompt ?? "", place: placeOf(argument), showsTranscript: argument.showTranscript === true, inChat: argument.ownView === true, startedAt: Date.now(), status: "running", message: "", used: { inputTokens: 0, outputTokens: 0, costUsd: 0 } };
    } catch (error) {
      listeners.dispose();
      throw error;
    } finally {
      this.starting--;
    }
    this.runs.set(run.id, run);
    this.tokens.set(run.id, { ...tokens, listeners });
    this.started.fire(run);
    this.changed.fire(run);
    for (const act of early) {
      act(run);
    }
    return run;
  }

  cancel(client: LanguageClient, run: Run): Promise<void> {
    return client.sendNotification("window/workDoneProgress/cancel", { token: this.tokens.get(run.id)?.workDoneToken ?? "" });
  }

  /** The server is gone, and what ran in it. */
  lose(): void {
    for (const run of this.active) {
      this.end(run, "failed");
    }
  }

  dispose(): void {
    vscode.Disposable.from(this.moves, this.changed, this.events, this.started, this.ended).dispose();
    this.tokens.forEach(({ listeners }) => { listeners.dispose(); });
  }

  private report(run: Run, message: string | undefined): void {
    if (message && run.status === "running") {
      run.message = message;
      this.changed.fire(run);
    }
  }

  /** A sub-agent's events come with its parent's, under a run id of their own. */
  private take(run: Run, event: RunEvent): void {
    if (event.kind === "usage") {
      const { used } = run;
      used.inputTokens += event.inputTokens;
      used.outputTokens += event.outputTokens;
      used.costUsd = used.costUsd === null || event.costUsd === null ? null : used.costUsd + event.costUsd;
      if (event.runId === run.id) {
        Object.assign(used, { contextTokens: event.inputTokens + event.outputTokens, contextWindow: event.contextWindow });
      }
    }
    this.events.fire({ run, event });
    if (event.kind === "finish" && event.runId === run.id) {
      run.result = event.result;
      this.end(run, event.result.status);
    }
  }

  private end(run: Run, status: Status): void {
    run.status = status;
    this.tokens.get(run.id)?.listeners.dispose();
    this.tokens.delete(run.id);
    this.changed.fire(run);
    this.ended.fire(run);
  }

  private movePlaces(change: vscode.TextDocumentChangeEvent): void {
    for (const { place } of this.active) {
      if (place && place.uri.toString() === change.document.uri.toString()) {
        for (const { range, text } of change.contentChanges) {
          if (range.end.line < place.line || (range.end.line === place.line && range.end.character === 0)) {
            place.line += text.split("\n").length - 1 - (range.end.line - range.start.line);
          }
        }
      }
    }
  }
}

/** What a run does, without the text that it is about. */
export const doingOf = ({ message }: Run): string => message.split(": …", 1)[0] ?? "";

function placeOf({ uri, range }: RunArguments): Place | undefined {
  return uri && range ? { uri: vscode.Uri.parse(uri), line: range.start.line } : undefined;
}
