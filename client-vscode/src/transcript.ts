/** The transcript beside the editor: a virtual document of the server that follows its own end. */
import vscode = require("vscode");
import { straight } from "./problem";

export const SCHEME = "inhouse-run";
export const SESSION = "inhouse-session";
/** That of package.json, for transcripts. */
const LANGUAGE = "inhouse-transcript";

const idIn = (uri: vscode.Uri | undefined, scheme: string): string | undefined => uri?.scheme === scheme ? /^\/([^/]+?)(?:\/.*)?\.md$/.exec(uri.path)?.[1] : undefined;
/** The id in `inhouse-run:/RUN-ID.md`, or in that with a name behind it, where the document is one. */
export const runIdOf = (uri: vscode.Uri | undefined): string | undefined => idIn(uri, SCHEME);
/** The same of a session. */
export const sessionIdOf = (uri: vscode.Uri | undefined): string | undefined => idIn(uri, SESSION);

/** The server's own URI of a transcript or a session. */
export const ofServer = (uri: vscode.Uri): vscode.Uri => {
  const id = runIdOf(uri) ?? sessionIdOf(uri);
  return id === undefined ? uri : uri.with({ path: `/${id}.md`, query: "" });
};

/** The same document under a name that a tab can show: two of them have two tabs, and it is seen which is which.
 * A run's is below a folder by which package.json gives it a language of its own: Markdown without what is costly to draw while the text streams. */
export function withName(uri: vscode.Uri, agent: string, prompt: string): vscode.Uri {
  const id = runIdOf(uri) ?? sessionIdOf(uri), words = [...straight(prompt).replace(/[\s/\\]+/g, " ").replace(HALF, "").trim()];
  const short = words.length > TITLE ? `${words.slice(0, TITLE - 1).join("")}…` : words.join(""), name = [agent, short].filter(Boolean).join(": ");
  return id && name ? uri.with({ path: `/${id}/${uri.scheme === SCHEME ? `${SCHEME}/` : ""}${name}.md` }) : uri;
}

const TITLE = 32;
/** Half a sign, as a cut leaves it of an emoji: no address may have one. */
const HALF = /\p{Cs}/gu;

/** Beside what the user works in, never over it; beside other transcripts where there are some, each in a tab of its own while it runs. */
export async function showBeside(uri: vscode.Uri, options: vscode.TextDocumentShowOptions): Promise<void> {
  const open = vscode.window.tabGroups.all.find((group) => group.tabs.some((tab) => isTranscript(tab.input)));
  const viewColumn = open?.viewColumn ?? (vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active);
  const document = await vscode.workspace.openTextDocument(uri);
  if (uri.path.includes(`/${SCHEME}/`) && document.languageId !== LANGUAGE) { // An association of the user's own (`*.md`), which is meant for files.
    await vscode.languages.setTextDocumentLanguage(document, LANGUAGE);
  }
  await vscode.window.showTextDocument(document, { ...options, viewColumn });
}

/** Markdown as a page: what stands there is read and not written any more, so it is asked for as the server has it. */
export async function showRendered(uri: vscode.Uri, options: vscode.TextDocumentShowOptions = {}): Promise<void> {
  await vscode.commands.executeCommand("vscode.openWith", uri.with({ query: RENDERED }), "vscode.markdown.preview.editor", { preview: true, ...options });
}

/** In the address of a page: nothing is folded away by us, the page folds by itself. */
export const RENDERED = "rendered";

const isTranscript = (input: unknown): boolean => input instanceof vscode.TabInputText && input.uri.scheme === SCHEME;

/** Milliseconds after which a reading counts as done, though no change was seen. */
const PATIENCE = 2000;

/** Has virtual documents read again when there is more: only those that somebody sees (20 runs may stream), and one reading
 * of each at a time, with a rest as long as it took, so that a slow machine does other things too.  VS Code mixes up the text of two readings that overlap: it compares both with the same text of before
 * (mainThreadDocumentContentProviders.ts, where an older update forgets the newer one that is pending).
 */
export class Rereading implements vscode.Disposable {
  private readonly stale = new Set<string>();
  /** What is being read, since when; without that, what rests. */
  private readonly busy = new Map<string, { since?: number; timer: NodeJS.Timeout }>();
  /** Runs that changed before VS Code told of their document: a short one is over while its tab opens. */
  private readonly early = new Set<string>();
  private readonly listeners = vscode.Disposable.from(
    vscode.window.onDidChangeVisibleTextEditors((editors) => {
      editors.forEach(({ document: { uri } }) => { if (this.early.delete(runIdOf(uri) ?? "")) { this.changed(uri); } });
      this.stale.forEach((uri) => { this.changed(vscode.Uri.parse(uri)); });
    }),
    vscode.workspace.onDidChangeTextDocument(({ document }) => { this.arrived(document.uri.toString()); }));

  constructor(private readonly read: (uri: vscode.Uri) => void) {}

  /** All documents of a run that are on the screen, under whatever name. */
  changedRun(id: string): void {
    const shown = vscode.window.visibleTextEditors.map(({ document }) => document.uri).filter((uri) => runIdOf(uri) === id);
    new Map(shown.map((uri) => [uri.toString(), uri])).forEach((uri) => { this.changed(uri); });
    const others = vscode.workspace.textDocuments.map(({ uri }) => uri).filter((uri) => runIdOf(uri) === id && !shown.some((each) => each.toString() === uri.toString()));
    others.forEach((uri) => { this.stale.add(uri.toString()); });
    if (!shown.length && !others.length) {
      this.early.add(id);
    }
  }

  changed(uri: vscode.Uri): void {
    const key = uri.toString();
    if (this.busy.has(key) || !vscode.window.visibleTextEditors.some((editor) => editor.document.uri.toString() === key)) {
      this.stale.add(key);
      return;
    }
    this.stale.delete(key);
    this.busy.set(key, { since: Date.now(), timer: setTimeout(() => { this.arrived(key); }, PATIENCE) });
    this.read(uri);
  }

  /** VS Code gets this text now; where it is no other than before, no change follows. */
  given(uri: vscode.Uri, text: string): void {
    const key = uri.toString();
    const shown = vscode.workspace.textDocuments.find((document) => document.uri.toString() === key);
    if (shown && lines(shown.getText()) === lines(text)) {
      this.arrived(key);
    }
  }

  dispose(): void {
    this.listeners.dispose();
    this.busy.forEach(({ timer }) => { clearTimeout(timer); });
  }

  private arrived(key: string): void {
    const was = this.busy.get(key);
    if (was?.since === undefined) {
      return;
    }
    clearTimeout(was.timer);
    const rest = Math.min(Date.now() - was.since, PATIENCE);
    this.busy.set(key, { timer: setTimeout(() => {
      this.busy.delete(key);
      if (this.stale.has(key)) {
        this.changed(vscode.Uri.parse(key));
      }
    }, rest) });
  }
}

const lines = (text: string): string => text.replace(/\r\n?/g, "\n");

/** The runs whose transcript was seen in this window. */
const seen = new Set<string>();
export const wasShown = (runId: string): boolean => seen.has(runId);

/** Scroll with the text, until somebody scrolls up, and again once they are back at its end.
 *
 * Text that grows moves no line up, and an editor that is shown anew may begin anywhere: only a first line that is earlier than before tells of a hand.
 */
export function followTranscripts(): vscode.Disposable {
  const tops = new WeakMap<vscode.TextEditor, number>(), left = new Set<string>();
  return vscode.Disposable.from(
    vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
      const { document, visibleRanges } = textEditor, key = document.uri.toString(), top = visibleRanges[0]?.start.line ?? 0;
      if (document.uri.scheme !== SCHEME) {
        return;
      }
      if ((visibleRanges.at(-1)?.end.line ?? 0) >= document.lineCount - 2) {
        left.delete(key);
      } else if (top < (tops.get(textEditor) ?? 0)) {
        left.add(key);
      }
      tops.set(textEditor, top);
    }),
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      for (const editor of vscode.window.visibleTextEditors) {
        if (editor.document === document && document.uri.scheme === SCHEME && !left.has(document.uri.toString())) {
          editor.revealRange(document.lineAt(document.lineCount - 1).range, vscode.TextEditorRevealType.Default);
        }
      }
    }),
    vscode.window.tabGroups.onDidChangeTabs(({ closed }) => { closed.forEach(({ input }) => { if (input instanceof vscode.TabInputText) { left.delete(input.uri.toString()); } }); }),
    vscode.window.onDidChangeVisibleTextEditors((editors) => { editors.forEach(({ document }) => { seen.add(runIdOf(document.uri) ?? ""); }); }));
}
