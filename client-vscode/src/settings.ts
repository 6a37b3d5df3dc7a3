/** The settings as the server should see them: only what somebody really set.
 *
 * A default that VS Code fills in would hide the workspace's inhouse.toml from the server.
 */
import * as vscode from "vscode";

/** Settings that only this extension reads. */
const OURS: readonly string[] = ["python", "serverCommand"];

export function explicitSettings(names: readonly string[], scope?: vscode.Uri): Record<string, unknown> {
  const section = vscode.workspace.getConfiguration("inhouse", scope);
  const set = names.filter((name) => !OURS.includes(name) && isSet(section.inspect(name)));
  return Object.fromEntries(set.map((name) => [name, section.get(name)]));
}

/** The names after `inhouse.` that the extension contributes. */
export function settingNames(extension: vscode.Extension<unknown>): string[] {
  const groups = (extension.packageJSON as { contributes: { configuration: { properties: object }[] } }).contributes.configuration;
  return groups.flatMap((group) => Object.keys(group.properties)).map((name) => name.replace(/^inhouse\./, ""));
}

function isSet(found: ReturnType<vscode.WorkspaceConfiguration["inspect"]>): boolean {
  return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue].some((value) => value !== undefined);
}
