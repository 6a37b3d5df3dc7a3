/** A new agent definition; the server has the template. */
import vscode = require("vscode");
import type { Server } from "./server";

export async function newAgent(server: Server, given?: vscode.Uri): Promise<void> {
  const folder = given ? vscode.workspace.getWorkspaceFolder(given) : await chooseFolder();
  if (!folder) {
    return;
  }
  const id = await vscode.window.showInputBox({
    title: "New agent", prompt: "The agent's id, which is also the name of its file.", value: "reviewer", ignoreFocusOut: true,
    validateInput: (text) => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) ? undefined : "Lower-case letters, digits and dashes.",
  });
  if (id) {
    const { uri } = await server.execute<{ uri: string }>("inhouse.agent.new", { id, folder: folder.uri.toString() });
    await vscode.window.showTextDocument(vscode.Uri.parse(uri));
  }
}

async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (!folders.length) {
    void vscode.window.showErrorMessage("Open a folder first. Its agents go into the folder .agents.");
    return undefined;
  }
  return folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick({ placeHolder: "The folder for the agent" });
}
