/** The language server's life: started when first needed, restarted with back-off, told of keys and trust. */
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import os = require("node:os");
import vscode = require("vscode");
import type { LanguageClient, Middleware } from "vscode-languageclient/node";
import { environmentPython } from "./environment";
import { keysFor } from "./keys";
import type { ListName } from "./lists";
import { load } from "./library";
import { StartProblem, textOf, type Remedy } from "./problem";
import { choosePython, workspacePaths } from "./python";
import { findProgram, ISOLATED, start, startCommand } from "./processes";
import { drawQuestions } from "./questions";
import { offerRemedies, partsOf } from "./remedies";
import { offerDiagnostics } from "./reported";
import { explicitSettings, settingNames } from "./settings";
import { SettingsProblems } from "./settingsProblems";
import { Rereading, runIdOf, SCHEME, SESSION } from "./transcript";

const EXECUTE = "workspace/executeCommand";
/** Seconds to wait before each restart; a crash after the last one is left to the user. */
const BACK_OFF = [1, 2, 4, 8, 16];
const FORGIVEN_AFTER = 180_000;
/** Milliseconds in which a server that was just started has to answer before it is ended for another. */
const PATIENCE = 3_000;
const LOST = "The server stopped before it answered.  Try again.";

/** The library's own has no name there. */
interface TextProvider {
  scheme: string;
  provider: vscode.TextDocumentContentProvider;
  onDidChangeEmitter: vscode.EventEmitter<vscode.Uri>;
}

export class Server implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("Inhouse", { log: true });
  private readonly stopped = new vscode.EventEmitter<string>();
  /** A client that was running is gone; the text says why. */
  readonly onDidStop = this.stopped.event;
  private readonly started = new vscode.EventEmitter<void>();
  /** A client runs. */
  readonly onDidStart = this.started.event;
  private readonly listsChanged = new vscode.EventEmitter<ListName[]>();
  /** These lists of the server are not what they were. */
  readonly onDidChangeLists = this.listsChanged.event;
  private readonly problems = new SettingsProblems();
  /** The transcripts, which the server streams. */
  readonly transcripts = new Rereading((uri) => { void this.reread(uri).catch(() => undefined); });
  private starting?: Promise<LanguageClient>;
  private process?: ChildProcess;
  /** The client that runs. */
  private current?: LanguageClient;
  private crashes: number[] = [];
  /** Ends the rest after a crash. */
  private wake?: () => void;
  private readonly closing = new AbortController();

  constructor(private readonly context: vscode.ExtensionContext, private readonly middleware: () => Middleware) {}

  /** The running client; starts one where there is none.  After a crash everybody waits for the restart that is due.  Throws a StartProblem. */
  client(rest?: Promise<void>): Promise<LanguageClient> {
    this.starting ??= Promise.resolve(rest).then(() => this.start()).catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  /** Run a command of the server: docs/protocol.md, "Commands". */
  async execute<T>(command: string, argument?: object): Promise<T> {
    const client = await this.client();
    try {
      return await client.sendRequest<T>(EXECUTE, { command, arguments: argument ? [argument] : [] });
    } catch (error) {
      throw client === this.current ? error : new Error(LOST);
    }
  }

  /** Run a command that answers at once, and wait for the end of the work that it starts. */
  async finish(command: string, argument: object, report: (message: string) => void = () => undefined): Promise<void> {
    const client = await this.client(), workDoneToken = randomUUID(), listeners: vscode.Disposable[] = [];
    const done = new Promise<void>((resolve, reject) => {
      listeners.push(
        this.onDidStop(() => { reject(new Error(LOST)); }),
        client.onProgress(load().WorkDoneProgress.type, workDoneToken, (value) => {
          if (value.kind === "end") { resolve(); } else if (value.message) { report(value.message); }
        }));
    });
    try {
      await Promise.all([done, this.execute(command, { ...argument, workDoneToken })]);
    } finally {
      vscode.Disposable.from(...listeners).dispose();
    }
  }

  /** A server was started, or is being started. */
  get isStarted(): boolean {
    return this.starting !== undefined;
  }

  async restart(): Promise<void> {
    this.crashes = [];
    if (this.wake) {
      this.wake();
    } else {
      await this.stop("The server was restarted.");
    }
    await this.startOrTell();
  }

  /** Start, and tell the user what stands in the way. */
  async startOrTell(): Promise<boolean> {
    try {
      await this.client();
      return true;
    } catch (error) {
      void this.tell(error);
      return false;
    }
  }

  /** A server that is being started is waited for; one that does not answer then is ended. */
  async stop(reason: string, patience = PATIENCE): Promise<void> {
    const timer = setTimeout(() => { this.process?.kill(); }, patience);
    const client = await this.starting?.catch(() => undefined);
    clearTimeout(timer);
    this.starting = this.current = undefined;
    if (client) {
      this.stopped.fire(reason);
      await client.dispose().catch((error: unknown) => { this.log.warn(textOf(error)); });
    }
  }

  async dispose(): Promise<void> {
    this.closing.abort();
    this.wake?.();
    await this.stop("The window was closed.", 0);
    vscode.Disposable.from(this.stopped, this.started, this.listsChanged, this.problems).dispose();
    this.transcripts.dispose();
    this.log.dispose();
  }

  /** The documents of the server's in a window that was loaded again, which asks for them before the server runs. */
  documents(): vscode.Disposable {
    const provideTextDocumentContent: vscode.TextDocumentContentProvider["provideTextDocumentContent"] = async (uri, token) =>
      (await this.providersOf(uri))[0]?.provider.provideTextDocumentContent(uri, token);
    return vscode.Disposable.from(...[SCHEME, SESSION].map((scheme) => vscode.workspace.registerTextDocumentContentProvider(scheme, { provideTextDocumentContent })));
  }

  /** Have VS Code ask for a document of the server's again. */
  private async reread(uri: vscode.Uri): Promise<void> {
    for (const { onDidChangeEmitter } of await this.providersOf(uri)) {
      onDidChangeEmitter.fire(uri);
    }
  }

  private async providersOf({ scheme }: vscode.Uri): Promise<TextProvider[]> {
    const client = await this.client();
    return (client.getFeature("workspace/textDocumentContent")?.getProviders() ?? []).filter((one) => one.scheme === scheme);
  }

  private async start(): Promise<LanguageClient> {
    this.wake = undefined;
    if (this.closing.signal.aborted) {
      throw new StartProblem("The window is closed.", []);
    }
    const launch = await this.launcher();
    const { CloseAction, ErrorAction, QuietClient, RevealOutputChannelOn } = load();
    const client: LanguageClient = new QuietClient("inhouse", "Inhouse", () => this.spawn(launch), {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }, { scheme: "inhouse-run" }, { scheme: "inhouse-diff" }, { scheme: "inhouse-session" }, { scheme: "inhouse-prompt" }],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: () => ({ draws: ["freeText", "choices", "settingsProblems", "lists", "failures"], offers: ["diagnostics"], trusted: vscode.workspace.isTrusted, inhouse: explicitSettings(settingNames(this.context.extension)) }),
      synchronize: { configurationSection: "inhouse" },
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => { this.crashed(client); return { action: CloseAction.DoNotRestart, handled: true }; },
      },
      middleware: this.middleware(),
    });
    drawQuestions(client, this.onDidStop);
    offerDiagnostics(client);
    this.problems.listen(client);
    client.onNotification("inhouse/changed", ({ lists }: { lists: ListName[] }) => { this.listsChanged.fire(lists); });
    try {
      await client.start();
      for (const key of await keysFor(this.context)) {
        await client.sendRequest(EXECUTE, { command: "inhouse.setKey", arguments: [key] });
      }
    } catch (error) {
      this.log.error(textOf(error));
      void client.dispose().catch(() => undefined); // One that never ran cannot be, and need not.
      throw error instanceof StartProblem ? error : new StartProblem("The language server stopped while it was starting.  See the log.", ["retry", "showLog"]);
    }
    this.current = client;
    this.started.fire();
    // After the start, so that it takes the place of the library's own, which reads hidden documents too.
    client.onRequest("workspace/textDocumentContent/refresh", ({ uri }: { uri: string }) => {
      const parsed = vscode.Uri.parse(uri), id = runIdOf(parsed);
      if (id === undefined) { this.transcripts.changed(parsed); } else { this.transcripts.changedRun(id); }
      return null;
    });
    return client;
  }

  /** What starts the server; whatever is missing for it is told before anything is started. */
  private launcher(): Promise<() => ChildProcess> {
    const [own, ...parts] = vscode.workspace.getConfiguration("inhouse").get<string[]>("serverCommand", []);
    return own ? this.ofSetting(own, parts) : this.ofExtension();
  }

  private async spawn(launch: () => ChildProcess): Promise<ChildProcess> {
    const child = launch();
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => { reject(new StartProblem(`${child.spawnfile} cannot be started: ${error.message}.`, ["retry", "showLog"])); });
    });
    this.process = child;
    return child;
  }

  /** The server that comes with the extension: Python must import nothing of the workspace. */
  private async ofExtension(): Promise<() => ChildProcess> {
    const storage = this.context.globalStorageUri.fsPath;
    const python = await environmentPython({
      storage,
      bundle: this.context.asAbsolutePath("server"),
      setting: vscode.workspace.getConfiguration("inhouse").get("python", ""),
      log: this.log,
      withProgress: async (work) => vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: "Inhouse, first start", cancellable: true },
        (progress, token) => {
          const abort = new AbortController();
          token.onCancellationRequested(() => { abort.abort(); });
          this.closing.signal.addEventListener("abort", () => { abort.abort(); });
          return work((message) => { progress.report({ message }); }, abort.signal);
        }),
    });
    return () => start(python, [ISOLATED, "-X", "utf8", "-m", "inhouse", "lsp"], { cwd: os.homedir() }); // The server takes that for no folder: its own would be a workspace where none is open.
  }

  private async ofSetting(command: string, parts: readonly string[]): Promise<() => ChildProcess> {
    const program = /[\\/]/.test(command) ? command : await findProgram(command, workspacePaths());
    if (!program) {
      throw new StartProblem(`The setting inhouse.serverCommand names ${command}, which is not on the PATH.`, ["retry", "showLog"]);
    }
    return () => startCommand(program, parts, workspacePaths(), vscode.workspace.isTrusted);
  }

  private crashed(client: LanguageClient): void {
    if (this.closing.signal.aborted || this.current !== client) {
      return; // Stopped on purpose, or it never ran: start() tells that.
    }
    this.starting = this.current = undefined;
    const now = Date.now();
    this.crashes = [...this.crashes.filter((at) => now - at < FORGIVEN_AFTER), now];
    const delay = BACK_OFF[this.crashes.length - 1];
    this.log.error(`The server stopped unexpectedly (exit status ${this.process?.exitCode ?? "unknown"}).`);
    if (delay === undefined) { // Whoever asks for it is told so, until it is restarted.
      this.starting = Promise.reject(new StartProblem(`The language server crashed ${this.crashes.length} times within three minutes and stays stopped.`, ["retry", "showLog"]));
    } else {
      void vscode.window.showWarningMessage(`The Inhouse server stopped unexpectedly and restarts in ${delay} s.  The text of its runs is kept.`, "Show Log")
        .then((choice) => { if (choice) { this.log.show(); } });
      void this.client(new Promise((resolve) => { this.wake = resolve; setTimeout(resolve, delay * 1000); })).catch(() => undefined);
    }
    void this.startOrTell();
    this.stopped.fire("The server stopped unexpectedly.");
  }

  /** One message with the ways out; gives true where one was taken that may have helped. */
  async tell(error: unknown): Promise<boolean> {
    this.log.error(textOf(error));
    if (!(error instanceof StartProblem)) {
      return offerRemedies(partsOf(error));
    }
    await this.tellStart(error);
    return false;
  }

  private async tellStart(error: StartProblem): Promise<void> {
    const remedies = error.remedies;
    const labels: Record<Remedy, string> = { choosePython: "Choose Python…", retry: "Retry", showLog: "Show Log", trust: "Manage Trust…" };
    const choice = await vscode.window.showErrorMessage(textOf(error), ...remedies.map((remedy) => labels[remedy]));
    if (choice === labels.showLog) {
      this.log.show();
    } else if (choice === labels.trust) {
      await vscode.commands.executeCommand("workbench.trust.manage");
    } else if (choice === labels.retry) {
      await this.restart();
    } else if (choice === labels.choosePython && (await choosePython())) {
      await this.restart();
    }
  }
}
