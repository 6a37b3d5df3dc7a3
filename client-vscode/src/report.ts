/** Pages that are read once: rendered Markdown that is nobody's file. */
import * as vscode from "vscode";

const SCHEME = "inhouse-report";
const pages = new Map<string, string>();

export function reports(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent: (uri) => pages.get(uri.path) ?? "" });
}

export async function showReport(title: string, markdown: string): Promise<void> {
  const path = `/${Date.now()}/${title}.md`; // A new address each time, so that a new text is shown.
  pages.set(path, markdown);
  await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.from({ scheme: SCHEME, path }), "vscode.markdown.preview.editor");
}
