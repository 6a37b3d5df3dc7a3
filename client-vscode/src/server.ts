/** The language server's life: started when first needed, restarted with back-off, told of keys and trust. */
import type { ChildProcess } from "node:child_process";
import vscode = require("vscode");
import type { LanguageClient, Middleware } from "vscode-languageclient/node";
import { environmentPython } from "./environment";
import { keysFor } from "./keys";
import type { ListName } from "./lists";
import { load } from "./library";
import { StartProblem, textOf, type Remedy } from "./problem";
import { workspacePaths } from "./python";
import { findProgram, ISOLATED, start, startCommand } from "./processes";
import { drawQuestions } from "./questions";
import { offerRemedies, partsOf } from "./remedies";
import { offerDiagnostics } from "./reported";
import { explicitSettings, settingNames } from "./settings";
import { SettingsProblems } from "./settingsProblems";
import { Rereading, runIdOf } from "./transcript";

const EXECUTE = "workspace/executeCommand";
/** Seconds to wait before each restart; a crash after the last one is left to the user. */
const BACK_OFF = [1, 2, 4, 8, 16];
const FORGIVEN_AFTER = 180_000;

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
  readonly transcripts = new Rereading((uri) => { void this.reread(uri); });
  private starting?: Promise<LanguageClient>;
  private process?: ChildProcess;
  private crashes: number[] = [];
  private running = false;
  private disposed = false;

  constructor(private readonly context: vscode.ExtensionContext, private readonly middleware: () => Middleware) {}

  /** The running client; starts one where there is none.  Throws a StartProblem. */
  client(): Promise<LanguageClient> {
    this.starting ??= this.start().catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  /** Run a command of the server: docs/protocol.md, "Commands". */
  async execute<T>(command: string, argument?: object): Promise<T> {
    const client = await this.client();
    return client.sendRequest(EXECUTE, { command, arguments: argument ? [argument] : [] }) as Promise<T>;
  }

  /** A server was started, or is being started. */
  get isStarted(): boolean {
    return this.starting !== undefined;
  }

  async restart(): Promise<void> {
    this.crashes = [];
    await this.stop("The server was restarted.");
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

  async stop(reason: string): Promise<void> {
    const client = await this.starting?.catch(() => undefined);
    this.starting = undefined;
    this.running = false;
    if (client) {
      this.stopped.fire(reason);
      await client.dispose().catch((error: unknown) => { this.log.warn(textOf(error)); });
    }
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await this.stop("The window was closed.");
    vscode.Disposable.from(this.stopped, this.started, this.listsChanged, this.problems).dispose();
    this.transcripts.dispose();
    this.log.dispose();
  }

  /** Have VS Code ask for a document of the server's again. */
  private async reread(uri: vscode.Uri): Promise<void> {
    const client = await this.client();
    for (const { scheme, onDidChangeEmitter } of client.getFeature("workspace/textDocumentContent")?.getProviders() ?? []) {
      if (scheme === uri.scheme) {
        onDidChangeEmitter.fire(uri);
      }
    }
  }

  private async start(): Promise<LanguageClient> {
    const launch = await this.launcher();
    const { CloseAction, ErrorAction, RevealOutputChannelOn } = load();
    const client = newQuietClient("inhouse", "Inhouse", () => this.spawn(launch), {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }, { scheme: "inhouse-run" }, { scheme: "inhouse-diff" }, { scheme: "inhouse-session" }, { scheme: "inhouse-prompt" }],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: () => ({ draws: ["freeText", "choices", "settingsProblems", "lists", "failures"], offers: ["diagnostics"], trusted: vscode.workspace.isTrusted, inhouse: explicitSettings(settingNames(this.context.extension)) }),
      synchronize: { configurationSection: "inhouse" },
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => { this.crashed(); return { action: CloseAction.DoNotRestart, handled: true }; },
      },
      middleware: this.middleware(),
    });
    drawQuestions(client);
    offerDiagnostics(client);
    this.problems.listen(client);
    client.onNotification("inhouse/changed", ({ lists }: { lists: ListName[] }) => { this.listsChanged.fire(lists); });
    try {
      await client.start();
    } catch (error) {
      this.log.error(textOf(error));
      throw new StartProblem("The language server stopped while it was starting.  See the log.", ["retry", "showLog"]);
    }
    for (const key of await keysFor(this.context)) {
      await client.sendRequest(EXECUTE, { command: "inhouse.setKey", arguments: [key] });
    }
    this.running = true;
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
          return work((message) => { progress.report({ message }); }, abort.signal);
        }),
    });
    return () => start(python, [ISOLATED, "-X", "utf8", "-m", "inhouse", "lsp"], { cwd: storage });
  }

  private async ofSetting(command: string, parts: readonly string[]): Promise<() => ChildProcess> {
    const program = /[\\/]/.test(command) ? command : await findProgram(command, workspacePaths());
    if (!program) {
      throw new StartProblem(`The setting inhouse.serverCommand names ${command}, which is not on the PATH.`, ["retry", "showLog"]);
    }
    return () => startCommand(program, parts, workspacePaths(), vscode.workspace.isTrusted);
  }

  private crashed(): void {
    if (this.disposed || !this.running) {
      return; // Stopped on purpose, or it never ran: start() tells that.
    }
    this.starting = undefined;
    this.running = false;
    this.stopped.fire("The server stopped unexpectedly.");
    const now = Date.now();
    this.crashes = [...this.crashes.filter((at) => now - at < FORGIVEN_AFTER), now];
    const delay = BACK_OFF[this.crashes.length - 1];
    this.log.error(`The server stopped unexpectedly (exit status ${this.process?.exitCode ?? "unknown"}).`);
    if (delay === undefined) {
      void this.tell(new StartProblem(`The language server crashed ${this.crashes.length} times within three minutes and stays stopped.`, ["retry", "showLog"]));
      return;
    }
    void vscode.window.showWarningMessage(`The Inhouse server stopped unexpectedly and restarts in ${delay} s.  The text of its runs is kept.`, "Show Log")
      .then((choice) => { if (choice) { this.log.show(); } });
    setTimeout(() => { if (!this.disposed && !this.starting) { void this.startOrTell(); } }, delay * 1000);
  }

  /** One message with the ways out; gives true where one was taken that may have helped. */
  async tell(error: unknown): Promise<boolean> {
    this.log.error(textOf(error));
    if (!(error instanceof StartProblem)) {
      const parts = partsOf(error);
      return offerRemedies(parts, vscode.workspace.isTrusted || parts.remedies.length ? undefined : [{ id: "trust", title: "Manage Trust…" }]);
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

/** The client's own words about a lost server go to the log: the user gets ours.
 *
 * A trace tells which requests there are, never what is in them: that may be a key.  `inhouse.trace` tells more, without keys.
 */
function newQuietClient(...parts: ConstructorParameters<typeof LanguageClient>): LanguageClient {
  class QuietClient extends load().LanguageClient {
    override error(message: string, data?: unknown): void {
      super.error(message, data, false);
    }

    override trace(message: string): void {
      super.trace(message);
    }
  }
  const client = new QuietClient(...parts);
  // Where the format of a trace is JSON.  It is private there, and nobody who subclasses can say more.
  Object.defineProperty(client, "traceObject", { value: () => undefined });
  return client;
}

async function choosePython(): Promise<boolean> {
  const [file] = (await vscode.window.showOpenDialog({ title: "A Python of version 3.11 or newer", openLabel: "Use This Python" })) ?? [];
  if (file) {
    await vscode.workspace.getConfiguration("inhouse").update("python", file.fsPath, vscode.ConfigurationTarget.Global);
  }
  return file !== undefined;
}
