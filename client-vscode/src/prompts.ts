/** Asking for a prompt: a box for one line, a document for more; what is sent along is shown and can be left out. */
import vscode = require("vscode");
import { plain } from "./problem";
import { attachment, Drafts, History, PROMPT_SCHEME, without } from "./promptDrafts";
import type { RunArguments } from "./protocol";
import type { Server } from "./server";

/** Characters that come at once from which on they may be a pasted block.  A browser may refuse to tell the clipboard, which VS Code reports: there only for what is long. */
const PASTED = vscode.env.uiKind === vscode.UIKind.Web ? 30 : 8;

/** Start what was asked for; gives whether it was. */
type Start = (argument: RunArguments) => Promise<boolean>;

export class Prompts implements vscode.Disposable, vscode.CodeLensProvider {
  private readonly changedLenses = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changedLenses.event;
  private readonly drafts: Drafts;
  private readonly parts: vscode.Disposable;
  /** Prompts whose run has not ended well, or that were not sent, by session or agent: they stand in the box again. */
  private readonly kept = new Map<string, string>();
  private box?: Box;
  private readonly history: History;

  constructor(context: vscode.ExtensionContext, server: Server, private readonly start: Start) {
    this.drafts = new Drafts(context.workspaceState);
    this.history = new History(server);
    this.parts = vscode.Disposable.from(
      vscode.workspace.registerFileSystemProvider(PROMPT_SCHEME, this.drafts, { isCaseSensitive: true }),
      vscode.languages.registerCodeLensProvider({ scheme: PROMPT_SCHEME }, this),
      this.changedLenses, this.drafts);
  }

  commands(): Record<string, (...args: never[]) => unknown> {
    return {
      sendPrompt: (uri?: unknown) => this.send(uri instanceof vscode.Uri ? uri : vscode.window.activeTextEditor?.document.uri),
      "prompt.attach": (uri: vscode.Uri) => { this.drafts.toggle(uri); this.changedLenses.fire(); },
      "prompt.previous": () => this.recall(1),
      "prompt.next": () => this.recall(-1),
      "prompt.write": () => { this.box?.write(); },
    };
  }

  /** Ask in a box; undefined where nothing is to be sent, or a document was opened to write in. */
  async ask(title: string, argument: RunArguments): Promise<RunArguments | undefined> {
    const before = this.kept.get(keyOf(argument)) ?? "";
    if (before.includes("\n")) {
      await this.write(title, argument, before);
      return undefined;
    }
    this.history.rewind();
    const box = this.box = new Box(title, argument, before);
    tellKeys(true);
    const given = await box.answer;
    if (this.box === box) { // Another may have taken its place.
      this.box = undefined;
      tellKeys(false);
    }
    if (given.kind === "write") {
      this.kept.delete(keyOf(argument));
      await this.write(title, given.argument, given.text);
    } else {
      this.keep(argument, given.text);
    }
    return given.kind === "send" ? { ...given.argument, prompt: given.text } : undefined;
  }

  /** Open a document to write in. */
  async write(title: string, argument: RunArguments, text = ""): Promise<void> {
    const uri = this.drafts.create(argument.agent ? `Prompt for ${argument.agent}` : title, { argument, text });
    const editor = await vscode.window.showTextDocument(uri, { preview: false });
    const end = editor.document.positionAt(text.length);
    editor.selection = new vscode.Selection(end, end);
    this.history.rewind();
  }

  /** A run was started with this prompt; kept until it has ended well. */
  keep(argument: RunArguments, prompt: string): void {
    if (prompt) {
      this.kept.set(keyOf(argument), prompt);
    }
  }

  forget(run: { agent: string; session?: string }): void {
    this.kept.delete(run.agent);
    this.kept.delete(run.session ?? "");
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const { uri } = document, draft = this.drafts.find(uri), top = new vscode.Range(0, 0, 0, 0);
    if (!draft) {
      return [];
    }
    const lens = (title: string, command: string): vscode.CodeLens => new vscode.CodeLens(top, { title, command: `inhouse.${command}`, arguments: [uri] });
    const along = attachment(draft.argument), left = draft.leftOut && attachment(draft.leftOut);
    return [
      lens(`$(send) Send to ${plain(draft.argument.agent ?? "the session")}`, "sendPrompt"),
      ...(along ? [lens(`$(close) Leave out ${plain(along)} (attached)`, "prompt.attach")] : []),
      ...(left ? [lens(`$(add) Attach ${plain(left)}`, "prompt.attach")] : []),
      lens("$(history) Earlier prompt", "prompt.previous"),
    ];
  }

  dispose(): void {
    this.parts.dispose();
  }

  /** Send a document; it is closed as soon as its run was started, and stays where none was. */
  private async send(uri: vscode.Uri | undefined): Promise<void> {
    const draft = uri && this.drafts.find(uri);
    if (!uri || !draft) {
      throw new Error("To send a prompt, first open its document with Inhouse: Write a Prompt….");
    }
    const document = await vscode.workspace.openTextDocument(uri);
    const prompt = document.getText().trim();
    if (!prompt) {
      void vscode.window.showInformationMessage("There is nothing to send yet: write your prompt here first.");
      return;
    }
    if (await this.start({ ...draft.argument, prompt })) {
      await document.save(); // What is saved is closed without a question.
      const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
      await vscode.window.tabGroups.close(tabs.filter(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === uri.toString()), true);
      this.drafts.remove(uri);
    }
  }

  /** An earlier prompt, or a later one, in place of what stands there; the newest of all is what was being written. */
  private async recall(by: 1 | -1): Promise<void> {
    const { box } = this, editor = vscode.window.activeTextEditor;
    if (box) {
      const text = await this.history.go(by, box.text);
      if (text !== undefined) {
        box.text = text;
      }
    } else if (editor?.document.uri.scheme === PROMPT_SCHEME) {
      const { document } = editor, text = await this.history.go(by, document.getText());
      if (text !== undefined) {
        await editor.edit((edit) => { edit.replace(new vscode.Range(0, 0, document.lineCount, 0), text); });
      }
    }
  }
}

type Given = { kind: "send" | "write"; text: string; argument: RunArguments } | { kind: "leave"; text: string };

/** The box for one line.  What has more lines goes on in a document: a box would run them together. */
class Box {
  readonly answer: Promise<Given>;
  private readonly box = vscode.window.createInputBox();
  private readonly along: string | undefined;
  private leftOut = false;
  private before: string;
  private finish: (given: Given) => void = () => undefined;

  constructor(title: string, private readonly argument: RunArguments, value: string) {
    const { box } = this;
    this.along = attachment(argument);
    this.before = value;
    Object.assign(box, { title: plain(title), value, valueSelection: [0, value.length], placeholder: "What do you want?", ignoreFocusOut: true });
    this.show();
    this.answer = new Promise((resolve) => {
      this.finish = (given) => { this.finish = () => undefined; resolve(given); listeners.dispose(); box.dispose(); };
    });
    const listeners = vscode.Disposable.from(
      box.onDidAccept(() => { if (this.text) { this.finish({ kind: "send", text: this.text, argument: this.given }); } }),
      box.onDidHide(() => { this.finish({ kind: "leave", text: this.text }); }),
      box.onDidTriggerButton((button) => { if (button === WRITE) { this.write(""); } else { this.leftOut = !this.leftOut; this.show(); } }),
      box.onDidChangeValue((now) => { void this.typed(now); }));
    box.show();
  }

  get text(): string {
    return this.box.value;
  }

  /** Several lines go on in a document. */
  set text(text: string) {
    if (text.includes("\n")) {
      this.finish({ kind: "write", text, argument: this.given });
    } else {
      this.box.value = this.before = text;
    }
  }

  write(more = "\n"): void {
    this.finish({ kind: "write", text: this.text ? `${this.text}${more}` : "", argument: this.given });
  }

  private get given(): RunArguments {
    return this.leftOut ? without(this.argument) : this.argument;
  }

  private show(): void {
    const { box, along, leftOut } = this;
    box.buttons = [...(along ? [{ iconPath: new vscode.ThemeIcon(leftOut ? "add" : "close"), tooltip: `${leftOut ? "Attach" : "Leave out"} ${along}` }] : []), WRITE];
    const told = along ? `${leftOut ? "Not attached" : "Attached"}: ${along}.` : "";
    box.prompt = plain([told, "Up: earlier prompts. Shift+Enter: several lines."].filter(Boolean).join("  "));
  }

  /** A box has run the lines of a pasted block together: the clipboard still has them. */
  private async typed(now: string): Promise<void> {
    const { before } = this;
    this.before = now;
    let start = 0, end = 0;
    while (start < before.length && before[start] === now[start]) { start++; }
    while (end < before.length - start && before.at(-1 - end) === now.at(-1 - end)) { end++; }
    const more = now.slice(start, now.length - end);
    if (more.length < PASTED || refused) {
      return;
    }
    const block = (await vscode.env.clipboard.readText()).replace(/\r\n?/g, "\n");
    refused = vscode.env.uiKind === vscode.UIKind.Web && !block;
    if (block.trim().includes("\n") && squeezed(block) === squeezed(more)) {
      this.text = now.slice(0, start) + block + now.slice(now.length - end);
    }
  }
}

/** A browser did not tell the clipboard: it is not asked again. */
let refused = false;
const WRITE: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("edit"), tooltip: "Write in several lines" };
const squeezed = (text: string): string => text.replace(/\s+/g, "");
const tellKeys = (prompting: boolean): void => { void vscode.commands.executeCommand("setContext", "inhouse.prompting", prompting); };
const keyOf = (argument: RunArguments): string => (argument.session as string | undefined) ?? argument.agent ?? "";
