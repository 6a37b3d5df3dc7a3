/** Lists to choose from: agents and runs. */
import vscode = require("vscode");
import { plain } from "./problem";
import type { AgentSummary, RunSummary } from "./protocol";
import type { Server } from "./server";

type Item<T> = vscode.QuickPickItem & { value: T };

/** An agent; the file that a context menu was opened on decides without asking. */
export async function pickAgent(server: Server, title: string, file?: vscode.Uri): Promise<AgentSummary | undefined> {
  const agents = await server.execute<AgentSummary[]>("inhouse.agents");
  const winning = agents.filter((agent) => !agent.shadowedBy);
  const ofFile = file && winning.find((agent) => agent.source === file.toString() || vscode.Uri.parse(agent.source).fsPath === file.fsPath);
  if (ofFile) {
    return ofFile;
  }
  if (!winning.length) {
    const choice = await vscode.window.showInformationMessage("There is no agent yet: the .agents folders of this workspace and of your home folder have no definition.", "New Agent…");
    if (choice) {
      await vscode.commands.executeCommand("inhouse.newAgent");
    }
    return undefined;
  }
  const items = [...winning].sort((a, b) => Number(b.usable) - Number(a.usable)).map(agentItem);
  return (await vscode.window.showQuickPick(items, { title, placeHolder: "An agent", matchOnDescription: true, matchOnDetail: true }))?.value;
}

export function agentItem(agent: AgentSummary): Item<AgentSummary> {
  const icon = !agent.usable ? "error" : !agent.route || agent.route.refused ? "circle-slash" : agent.route.local ? "home" : "cloud";
  return { label: `$(${icon}) ${plain(agent.displayName || agent.id)}`, description: plain(placeOf(agent)), detail: purposeOf(agent), value: agent };
}

/** Which model of which endpoint would serve it now. */
export function placeOf(agent: AgentSummary): string {
  if (!agent.route) {
    return agent.usable ? `${agent.model} · no endpoint` : agent.model;
  }
  return `${agent.route.model} · ${agent.route.local ? "local" : "remote"}: ${agent.route.endpoint}`;
}

function purposeOf(agent: AgentSummary): string {
  const trouble = agent.problems.filter((problem) => problem.severity === "error" || problem.severity === "warning").map((problem) => problem.message);
  const refused = agent.route?.refused ? [agent.route.refused.reason] : [];
  const wrong = [...refused, ...trouble].map((text) => `$(warning) ${plain(text)}`);
  return [plain(agent.description), ...wrong.slice(0, 1)].filter(Boolean).join("  ");
}

export async function pickRun(server: Server, title: string): Promise<string | undefined> {
  const runs = await server.execute<RunSummary[]>("inhouse.runs", { limit: 50, earlier: true });
  if (!runs.length) {
    void vscode.window.showInformationMessage("There is no run yet.");
    return undefined;
  }
  const items = runs.map(runItem);
  return (await vscode.window.showQuickPick(items, { title, placeHolder: "A run, newest first", matchOnDescription: true, matchOnDetail: true }))?.value;
}

const STATUS_ICONS: Record<RunSummary["status"], string> = { running: "sync", completed: "pass", cancelled: "circle-slash", failed: "error" };

function runItem(run: RunSummary): Item<string> {
  const time = new Date(run.startedAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return {
    label: `$(${STATUS_ICONS[run.status]}) ${plain(run.agent)}`,
    description: plain(`${run.status} · ${time} · ${(run.durationMs / 1000).toFixed(1)} s · ${run.endpoint} ${run.model}`),
    detail: promptInList(run.prompt),
    value: run.runId,
  };
}

/** A prompt in a list, by which runs of one agent are told apart. */
export const promptInList = (prompt: string, most = 120): string => plain(prompt.replace(/\s+/g, " ").slice(0, most));
