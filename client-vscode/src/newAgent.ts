/** A new agent definition, from a template that runs as it is. */
import * as vscode from "vscode";

export async function newAgent(given?: vscode.Uri): Promise<void> {
  const folder = given ?? (await agentsFolder());
  if (!folder) {
    return;
  }
  const id = await vscode.window.showInputBox({
    title: "New agent", prompt: "Its id, which is also the file's name.", value: "reviewer", ignoreFocusOut: true,
    validateInput: (text) => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) ? undefined : "Lower-case letters, digits and dashes.",
  });
  if (!id) {
    return;
  }
  const file = vscode.Uri.joinPath(folder, `${id}.ts`);
  if (!(await exists(file))) {
    await vscode.workspace.fs.writeFile(file, Buffer.from(template(id)));
  }
  await vscode.window.showTextDocument(file);
}

async function agentsFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (!folders.length) {
    void vscode.window.showErrorMessage("Open a folder first: agents live in its folder .agents.");
    return undefined;
  }
  const folder = folders.length === 1 ? folders[0] : await vscode.window.showWorkspaceFolderPick({ placeHolder: "The folder that gets the agent" });
  return folder && vscode.Uri.joinPath(folder.uri, ".agents");
}

async function exists(file: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(file).then(() => true, () => false);
}

function template(id: string): string {
  const name = id.split("-").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
  return `// An agent: who it is, which model it likes, what it may do.
// Where it runs is decided by localProvider here, by the settings inhouse.routes and
// inhouse.defaultEndpoint, or by the environment: see "Inhouse: Explain Route…".
export default {
  id: "${id}",
  displayName: "${name}",
  model: "openai/gpt-5-mini",
  spawnerPrompt: "Reads code and answers questions about it",
  toolNames: ["read_files", "code_search", "list_directory", "end_turn"],
  // localProvider: { baseUrl: "http://localhost:11434/v1" },
  systemPrompt: "You are a careful programmer who reads code before judging it.",
  instructionsPrompt: "Answer the user's question about this project.  Be brief and name the lines you mean.",
};
`;
}
