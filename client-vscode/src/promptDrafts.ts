/** Prompts that are being written in documents, and those of earlier runs. */
import vscode = require("vscode");
import type { RunArguments, RunSummary } from "./protocol";
import type { Server } from "./server";

export const PROMPT_SCHEME = "inhouse-prompt";
const STORED = "inhouse.prompts";

/** A prompt that is being written in a document. */
export interface Draft {
  argument: RunArguments;
  /** What was sent along with it, and is left out now. */
  leftOut?: Pick<RunArguments, "uri" | "range">;
  text: string;
}

/** What is sent along with a prompt, in words. */
export function attachment({ uri, range }: Pick<RunArguments, "uri" | "range">): string | undefined {
  if (!uri) {
    return undefined;
  }
  const name = vscode.workspace.asRelativePath(vscode.Uri.parse(uri));
  if (!range) {
    return name;
  }
  const first = range.start.line + 1, last = range.end.line + (range.end.character || range.end.line === range.start.line ? 1 : 0);
  return first === last ? `${name}, line ${first}` : `${name}, lines ${first} to ${last}`;
}

/** The same with nothing sent along. */
export const without = (argument: RunArguments): RunArguments => ({ ...argument, uri: undefined, range: undefined });

/** The prompts of earlier runs, which the server knows, newest first. */
export class History {
  private prompts?: Promise<string[]>;
  private at = -1;
  private own = "";

  constructor(private readonly server: Server) {}

  rewind(): void {
    this.prompts = undefined;
    this.at = -1;
  }

  /** The text that is wanted instead of *now*; undefined at either end. */
  async go(by: 1 | -1, now: string): Promise<string | undefined> {
    this.prompts ??= this.read();
    const prompts = await this.prompts, at = this.at + by;
    if (at < -1 || at >= prompts.length) {
      return undefined;
    }
    if (this.at === -1) {
      this.own = now;
    }
    this.at = at;
    return at === -1 ? this.own : prompts[at];
  }

  private async read(): Promise<string[]> {
    const runs = await this.server.execute<RunSummary[]>("inhouse.runs", { limit: 200, earlier: true }).catch(() => []);
    return [...new Set(runs.filter(({ parent, prompt }) => !parent && prompt.trim()).map(({ prompt }) => prompt))];
  }
}

/** Where the documents are: they survive a reload, and whatever was saved in them. */
export class Drafts implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  private readonly all: Map<string, Draft>;

  constructor(private readonly store: vscode.Memento) {
    this.all = new Map(Object.entries(store.get<Record<string, Draft>>(STORED, {})));
  }

  create(title: string, draft: Draft): vscode.Uri {
    const name = title.replace(/[/\\?#]+/g, " ");
    for (let number = 1; ; number++) {
      const path = `/${name}${number > 1 ? ` ${number}` : ""}.md`;
      if (!this.all.has(path)) {
        this.all.set(path, draft);
        this.keep();
        return vscode.Uri.from({ scheme: PROMPT_SCHEME, path });
      }
    }
  }

  find(uri: vscode.Uri): Draft | undefined {
    return uri.scheme === PROMPT_SCHEME ? this.all.get(uri.path) : undefined;
  }

  /** Leave out what is sent along, or send it again. */
  toggle(uri: vscode.Uri): void {
    const draft = this.find(uri);
    if (draft) {
      const { uri: file, range } = draft.argument;
      if (draft.leftOut) {
        draft.argument = { ...draft.argument, ...draft.leftOut };
        delete draft.leftOut;
      } else {
        draft.argument = without(draft.argument);
        draft.leftOut = { uri: file, ...(range ? { range } : {}) };
      }
      this.keep();
    }
  }

  remove(uri: vscode.Uri): void {
    this.all.delete(uri.path);
    this.keep();
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: Buffer.byteLength(this.text(uri)) };
  }

  readFile(uri: vscode.Uri): Uint8Array {
    return Buffer.from(this.text(uri));
  }

  writeFile(uri: vscode.Uri, content: Uint8Array): void {
    const draft = this.find(uri);
    if (!draft) {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    draft.text = Buffer.from(content).toString();
    this.keep();
  }

  watch(): vscode.Disposable {
    return { dispose: () => undefined };
  }

  readDirectory(): [string, vscode.FileType][] {
    return [...this.all.keys()].map((path) => [path.slice(1), vscode.FileType.File]);
  }

  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): void {
    this.remove(uri);
  }

  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    this.changed.dispose();
  }

  private text(uri: vscode.Uri): string {
    const draft = this.find(uri);
    if (!draft) {
      throw vscode.FileSystemError.FileNotFound(uri);
    }
    return draft.text;
  }

  private keep(): void {
    void this.store.update(STORED, Object.fromEntries(this.all));
  }
}
