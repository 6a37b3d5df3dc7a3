/** API keys: in VS Code's secret storage, handed to the server in memory, never in a setting, a file or a log. */
import vscode = require("vscode");
import type { Server } from "./server";
import { textOf } from "./problem";

const NAMES = "inhouse.keyNames";
const secretOf = (name: string): string => `inhouse.key.${name}`;

export async function keysFor(context: vscode.ExtensionContext): Promise<{ name: string; value: string }[]> {
  const keys = await Promise.all(names(context).map(async (name) => ({ name, value: await context.secrets.get(secretOf(name)) })));
  return keys.filter((key): key is { name: string; value: string } => key.value !== undefined);
}

/** Ask for a key and keep it under the name that `${keyring:NAME}` uses. */
export async function setApiKey(context: vscode.ExtensionContext, server: Server, given?: string): Promise<boolean> {
  const name = given ?? (await askName(context));
  if (!name) {
    return false;
  }
  const value = await vscode.window.showInputBox({
    title: `API key “${name}”`, password: true, ignoreFocusOut: true,
    prompt: "Stored in VS Code's secret storage.  An empty key deletes the stored one.",
  });
  if (value === undefined) {
    return false;
  }
  try {
    await keepKey(context, server, name, value.trim());
    void vscode.window.showInformationMessage(value ? `The key “${name}” is set.  Endpoints use it as \${keyring:${name}}.` : `The key “${name}” is deleted.`);
  } catch (error) {
    void vscode.window.showErrorMessage(`The key “${name}” is stored, but the server did not accept it: ${textOf(error)}`);
  }
  return true;
}

/** Keep a key, and hand it to the server; an empty one is forgotten. */
export async function keepKey(context: vscode.ExtensionContext, server: Server, name: string, value: string): Promise<void> {
  await keep(context, name, value);
  await server.execute("inhouse.setKey", { name, value });
}

async function keep(context: vscode.ExtensionContext, name: string, value: string): Promise<void> {
  const others = names(context).filter((each) => each !== name);
  await (value ? context.secrets.store(secretOf(name), value) : context.secrets.delete(secretOf(name)));
  await context.globalState.update(NAMES, value ? [...others, name] : others);
}

const names = (context: vscode.ExtensionContext): string[] => context.globalState.get<string[]>(NAMES, []);

async function askName(context: vscode.ExtensionContext): Promise<string | undefined> {
  const known = new Set(names(context));
  const endpoints = vscode.workspace.getConfiguration("inhouse").get<Record<string, { apiKey?: string }>>("endpoints", {});
  for (const endpoint of Object.values(endpoints)) {
    const wanted = /^\$\{keyring:([^}]+)\}$/.exec(endpoint.apiKey ?? "")?.[1];
    if (wanted) {
      known.add(wanted);
    }
  }
  const other = "$(add) Another name…";
  const picked = known.size ? await vscode.window.showQuickPick([...known, other], { title: "Which key?" }) : other;
  return picked === other
    ? vscode.window.showInputBox({ title: "Name of the key", prompt: "Endpoints name it as ${keyring:NAME}.", validateInput: (text) => /^[\w.-]+$/.test(text) ? undefined : "Letters, digits, dot, dash and underscore." })
    : picked;
}
