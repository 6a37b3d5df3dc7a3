/** API keys: in VS Code's secret storage, handed to the server in memory, never in a setting, a file or a log. */
import vscode = require("vscode");
import { plain, textOf } from "./problem";
import type { EndpointStatus } from "./protocol";
import type { Server } from "./server";

const NAMES = "inhouse.keyNames";
const secretOf = (name: string): string => `inhouse.key.${name}`;

export async function keysFor(context: vscode.ExtensionContext): Promise<{ name: string; value: string }[]> {
  const keys = await Promise.all(names(context).map(async (name) => ({ name, value: await context.secrets.get(secretOf(name)) })));
  return keys.filter((key): key is { name: string; value: string } => key.value !== undefined);
}

/** Ask for a key and keep it under the name that `${keyring:NAME}` uses. */
export async function setApiKey(context: vscode.ExtensionContext, server: Server, name: string): Promise<boolean> {
  const value = await vscode.window.showInputBox({
    title: `API key “${name}”`, password: true, ignoreFocusOut: true,
    prompt: "Stored in VS Code's secret storage.  An empty key deletes the stored one.",
  });
  if (value === undefined) {
    return false;
  }
  try {
    await keepKey(context, server, name, value.trim());
    void vscode.window.showInformationMessage(value ? `The key “${name}” is set.  Settings name it as \${keyring:${name}}.` : `The key “${name}” is deleted.`);
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

/** Whose key: an endpoint's, or one that something else names. */
export async function chooseKey(context: vscode.ExtensionContext, server: Server): Promise<{ endpoint?: string; name?: string } | undefined> {
  const endpoints = (await server.execute<EndpointStatus[]>("inhouse.endpoints")).filter((one) => one.takesKey);
  const items: (vscode.QuickPickItem & { endpoint?: string; name?: string })[] = [
    ...endpoints.map(({ name, baseUrl }) => ({ label: plain(name), description: plain(baseUrl), endpoint: name })),
    ...names(context).map((name) => ({ label: `$(key) ${name}`, description: "stored: replace or delete it", name })),
    { label: "$(add) Another name…", description: "for settings that name it as ${keyring:NAME}" }];
  const picked = items.length > 1 ? await vscode.window.showQuickPick(items, { title: "Set which key?" }) : items[0];
  if (!picked || picked.endpoint || picked.name) {
    return picked;
  }
  const name = await vscode.window.showInputBox({ title: "Name of the key", prompt: "Settings name it as ${keyring:NAME}.", validateInput: (text) => /^[\w.-]+$/.test(text) ? undefined : "Letters, digits, dot, dash and underscore." });
  return name ? { name } : undefined;
}
