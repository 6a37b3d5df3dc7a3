/** What is wrong with a setting, shown where it stands. */
import type { Node } from "jsonc-parser";
import vscode = require("vscode");
import type { LanguageClient } from "vscode-languageclient/node";
import { load } from "./library";
import { plain } from "./problem";

interface SettingsProblem {
  /** `endpoints.team.baseUrl`, `routes[0].endpoint` */
  key: string;
  severity: "error" | "warning" | "information" | "hint";
  message: string;
}

const SEVERITIES = {
  error: vscode.DiagnosticSeverity.Error, warning: vscode.DiagnosticSeverity.Warning,
  information: vscode.DiagnosticSeverity.Information, hint: vscode.DiagnosticSeverity.Hint,
};

export class SettingsProblems implements vscode.Disposable {
  private readonly shown = vscode.languages.createDiagnosticCollection("inhouse settings");
  private readonly told = new Set<string>();

  /** Before the client starts. */
  listen(client: LanguageClient): void {
    client.onNotification("inhouse/settingsProblems", ({ problems }: { problems: SettingsProblem[] }) => { void this.show(problems); });
  }

  dispose(): void {
    this.shown.dispose();
  }

  private async show(problems: readonly SettingsProblem[]): Promise<void> {
    const found = new Map<string, vscode.Diagnostic[]>();
    for (const problem of problems) {
      const place = await placeOf(problem.key);
      if (place) {
        const diagnostic = new vscode.Diagnostic(place.range, problem.message, SEVERITIES[problem.severity]);
        diagnostic.source = "inhouse";
        found.set(place.uri.toString(), [...(found.get(place.uri.toString()) ?? []), diagnostic]);
      } else {
        void this.tell(problem);
      }
    }
    this.shown.clear();
    found.forEach((diagnostics, uri) => { this.shown.set(vscode.Uri.parse(uri), diagnostics); });
  }

  /** Where the user's own settings lie, no extension is told. */
  private async tell({ key, message }: SettingsProblem): Promise<void> {
    if (!this.told.has(message)) {
      this.told.add(message);
      if (await vscode.window.showWarningMessage(plain(said({ key, message })), "Open Settings")) {
        await vscode.commands.executeCommand("workbench.action.openSettings", `inhouse.${segments(key)[0] ?? ""}`);
      }
    }
  }
}

/** The file of the workspace that holds a setting, and the place of its value. */
async function placeOf(key: string): Promise<{ uri: vscode.Uri; range: vscode.Range } | undefined> {
  const [name = "", ...rest] = segments(key);
  const found = vscode.workspace.getConfiguration("inhouse").inspect(String(name));
  const file = found?.workspaceValue === undefined ? undefined : (vscode.workspace.workspaceFile ?? folderFile());
  if (!file || file.scheme === "untitled") {
    return undefined;
  }
  try {
    const document = await vscode.workspace.openTextDocument(file);
    const root = load().parseTree(document.getText(), [], { allowTrailingComma: true });
    const base = vscode.workspace.workspaceFile ? ["settings", `inhouse.${name}`] : [`inhouse.${name}`];
    const node = root && deepest(root, base, rest);
    return node && { uri: file, range: new vscode.Range(document.positionAt(node.offset), document.positionAt(node.offset + node.length)) };
  } catch {
    return undefined;
  }
}

function folderFile(): vscode.Uri | undefined {
  const folder = vscode.workspace.workspaceFolders?.[0];
  return folder && vscode.Uri.joinPath(folder.uri, ".vscode", "settings.json");
}

/** The value itself, or what of it is there: a name with dots is not told from a path. */
function deepest(root: Node, base: string[], rest: readonly (string | number)[]): Node | undefined {
  for (let length = rest.length; length >= 0; length--) {
    const node = load().findNodeAtLocation(root, [...base, ...rest.slice(0, length)]);
    if (node) {
      return node;
    }
  }
  return undefined;
}

/** The message names the key itself, unless it is about all of them. */
export const said = ({ key, message }: Pick<SettingsProblem, "key" | "message">): string => key && message.startsWith(`${key}:`) ? `Setting inhouse.${message}` : `Setting inhouse.${key}: ${message}`;

export function segments(key: string): (string | number)[] {
  return [...key.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) => index === undefined ? (name ?? "") : Number(index));
}
