/** Places that a transcript names, as links: files of the workspace that are there, with their lines.  Nothing else becomes one. */
import path = require("node:path");
import vscode = require("vscode");

/** Names of a document that are looked for at most: a transcript may be long. */
const MOST = 200;
/** A name as the server writes it for a call, with the address that it leads to. */
const WRITTEN = /\[`[^`\n]+`\]\((file:\/\/\/[^\s()]+)\)/g;
/** A name as code, and perhaps a line or a range of lines. */
const CODE = /`([^`\n]+?)(?::(\d{1,7})(?:[-:]\d+)?)?`/g;
/** The same in a text: a path with an ending and without spaces. */
const NAMED = /(?<![\p{L}\p{N}_/.:@-])((?:[\p{L}\p{N}_.-]+\/)*[\p{L}\p{N}_-][\p{L}\p{N}_.-]*\.\w{1,10})(?::(\d{1,7})(?:[-:]\d+)?)?(?![\p{L}\p{N}_/])/gu;

export async function linksIn(document: vscode.TextDocument, token: vscode.CancellationToken): Promise<vscode.DocumentLink[]> {
  const text = document.getText(), links: vscode.DocumentLink[] = [];
  const add = (start: number, length: number, target: vscode.Uri): void => {
    links.push(new vscode.DocumentLink(new vscode.Range(document.positionAt(start), document.positionAt(start + length)), target));
  };
  const taken: [number, number][] = [];
  for (const found of text.matchAll(WRITTEN)) {
    const target = vscode.Uri.parse(found[1] ?? "");
    taken.push([found.index, found.index + found[0].length]);
    if (vscode.workspace.getWorkspaceFolder(target)) {
      add(found.index + 1, found[0].indexOf("]") - 1, target);
    }
  }
  const known = new Map<string, Promise<vscode.Uri | undefined>>();
  for (const [pattern, ticks] of [[CODE, 1], [NAMED, 0]] as const) {
    const named = [...text.matchAll(pattern)].filter(({ index }) => !taken.some(([start, end]) => index >= start && index < end)).slice(0, MOST);
    for (const found of named) {
      const [whole, path = "", line] = found, there = known.get(path) ?? fileAt(path);
      known.set(path, there);
      const target = token.isCancellationRequested ? undefined : await there;
      if (target) {
        taken.push([found.index, found.index + whole.length]);
        add(found.index + ticks, whole.length - 2 * ticks, line ? target.with({ fragment: `L${line}` }) : target);
      }
    }
  }
  return links;
}

/** VS Code's pages follow no address of a file: there a link leads from the folder of the workspace on. */
export const forPage = (text: string): string => text.replace(/\]\(<?(file:\/\/\/[^\s()<>]+)>?\)/g, (whole, address: string) => {
  const target = vscode.Uri.parse(address), folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return folder && vscode.workspace.getWorkspaceFolder(target) ? `](/${encodeURI(path.posix.relative(folder.path, target.path)).replace(/[?#()]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)}${target.fragment ? `#${target.fragment}` : ""})` : whole;
});

/** As text a link is its file's name, with the line, which is a link again: an address in full only fills the line. */
export const named = (text: string): string => text.replace(WRITTEN, (whole, address: string) => {
  const target = vscode.Uri.parse(address), line = /^L(\d+)$/.exec(target.fragment)?.[1];
  return vscode.workspace.getWorkspaceFolder(target) ? `\`${vscode.workspace.asRelativePath(target.with({ fragment: "" }))}${line ? `:${line}` : ""}\`` : whole;
});

/** The file of that name in a folder of the workspace; of several folders, a name may begin with that of its folder. */
async function fileAt(path: string): Promise<vscode.Uri | undefined> {
  for (const { name, uri } of path.split("/").includes("..") ? [] : vscode.workspace.workspaceFolders ?? []) {
    const inside = path.startsWith(`${name}/`) ? [path.slice(name.length + 1), path] : [path];
    for (const target of inside.map((each) => vscode.Uri.joinPath(uri, each))) {
      if (await isFile(target)) {
        return target;
      }
    }
  }
  return undefined;
}

const isFile = (uri: vscode.Uri): Promise<boolean> =>
  Promise.resolve(vscode.workspace.fs.stat(uri)).then(({ type }) => (type & vscode.FileType.File) !== 0, () => false);
