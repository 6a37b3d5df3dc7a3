/** The settings as the server should see them: only what somebody really set.
 *
 * A default that VS Code fills in would hide the workspace's inhouse.toml from the server.
 */
import vscode = require("vscode");

/** Settings that only this extension reads. */
const OURS: readonly string[] = ["python", "serverCommand"];

/** The user's settings, and apart from them, as `workspace`, what a workspace's own files bring: that gets no key. */
export function explicitSettings(names: readonly string[], scope?: vscode.Uri): Record<string, unknown> {
  const section = vscode.workspace.getConfiguration("inhouse", scope);
  const own: Record<string, unknown> = {}, workspace: Record<string, unknown> = {};
  for (const name of names.filter((one) => !OURS.includes(one))) {
    const found = section.inspect(name);
    if (found?.globalValue !== undefined) {
      own[name] = found.globalValue;
    }
    const brought = found?.workspaceFolderValue ?? found?.workspaceValue;
    // An untrusted workspace's value is not in force: get() leaves it out, inspect() does not.
    if (brought !== undefined && (vscode.workspace.isTrusted || sameAsInForce(section.get(name), brought))) {
      workspace[name] = brought;
    }
  }
  return Object.keys(workspace).length ? { ...own, workspace } : own;
}

const sameAsInForce = (value: unknown, brought: unknown): boolean => JSON.stringify(value) === JSON.stringify(brought);

/** The names after `inhouse.` that the extension contributes. */
export function settingNames(extension: vscode.Extension<unknown>): string[] {
  const groups = (extension.packageJSON as { contributes: { configuration: { properties: object }[] } }).contributes.configuration;
  return groups.flatMap((group) => Object.keys(group.properties)).map((name) => name.replace(/^inhouse\./, ""));
}
