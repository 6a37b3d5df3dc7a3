/** Errors in parts: the cause in one line, and buttons that are the ways out (docs/protocol.md, ErrorData). */
import vscode = require("vscode");
import { plain, textOf } from "./problem";
import type { ErrorData, Remedy } from "./protocol";

/** The parts of whatever was thrown; an error that is not the server's has no remedies. */
export function partsOf(error: unknown): ErrorData {
  const data = (error as { data?: Partial<ErrorData> } | undefined)?.data;
  return data && typeof data.cause === "string" && Array.isArray(data.remedies)
    ? { code: data.code ?? "error", cause: plain(data.cause), remedies: data.remedies }
    : { code: "error", cause: textOf(error), remedies: [] };
}

export const LOG: Remedy = { id: "showLog", title: "Show Log" };

/** Tell an error; gives true where a remedy was taken that may have helped, so that to try again makes sense. */
export async function offerRemedies(parts: ErrorData, more: readonly Remedy[] = [LOG]): Promise<boolean> {
  const known = parts.remedies.map((one) => one.id === "trust" && !vscode.workspace.isTrusted ? { ...one, title: "Manage Trust…" } : one);
  const remedies = [...known, ...more.filter((one) => !known.some(({ id }) => id === one.id))].slice(0, 3);
  const title = await vscode.window.showErrorMessage(parts.cause, ...remedies.map((remedy) => remedy.title));
  const taken = remedies.find((remedy) => remedy.title === title);
  return taken ? perform(taken) : false;
}

/** Do what a button says; gives true where that may have helped. */
export async function perform(remedy: Remedy): Promise<boolean> {
  switch (remedy.id) {
    case "addEndpoint":
      return Boolean(await vscode.commands.executeCommand("inhouse.addEndpoint"));
    case "installModel":
      return Boolean(await vscode.commands.executeCommand("inhouse.installModel"));
    case "setKey":
      return Boolean(await vscode.commands.executeCommand("inhouse.setApiKey", remedy.endpoint));
    case "startServer":
      return startServer(remedy.command);
    case "openSetting":
      await vscode.commands.executeCommand("workbench.action.openSettings", `inhouse.${remedy.setting ?? ""}`);
      return false;
    case "openFile": {
      const start = new vscode.Position(remedy.line ?? 0, 0);
      await vscode.window.showTextDocument(vscode.Uri.parse(remedy.uri ?? ""), { selection: new vscode.Range(start, start) });
      return false;
    }
    case "trust":
      if (vscode.workspace.isTrusted) {
        await vscode.commands.executeCommand("inhouse.trust");
      } else {
        await vscode.commands.executeCommand("workbench.trust.manage");
      }
      return false;
    case "checkEndpoints":
      await vscode.commands.executeCommand("inhouse.checkEndpoints");
      return false;
    default:
      await vscode.commands.executeCommand("inhouse.showLog");
      return false;
  }
}

/** In a terminal, where its user sees it work and can end it. */
function startServer(command: string | undefined): boolean {
  if (command) {
    const terminal = vscode.window.createTerminal({ name: command });
    terminal.show(true);
    terminal.sendText(command);
  }
  return false;
}
