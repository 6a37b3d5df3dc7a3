/** Pages that are read once: rendered Markdown that is nobody's file. */
import vscode = require("vscode");

const SCHEME = "inhouse-report";

/** The text stands in the address: nothing has to be kept, and a window that was reloaded still shows it. */
export function reports(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent: (uri) => uri.query });
}

export async function showReport(title: string, markdown: string): Promise<void> {
  const page = vscode.Uri.from({ scheme: SCHEME, path: `/${title}.md`, query: markdown });
  await vscode.commands.executeCommand("vscode.openWith", page, "vscode.markdown.preview.editor");
}
