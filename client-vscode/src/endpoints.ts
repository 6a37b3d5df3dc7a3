/** Endpoints: check all, and explain who serves an agent. */
import vscode = require("vscode");
import { asCode, asMarkdown, plain } from "./problem";
import type { EndpointStatus, Route } from "./protocol";
import { showReport } from "./report";
import type { Server } from "./server";

async function checked(server: Server, name?: string, baseUrl?: string): Promise<EndpointStatus[]> {
  await server.finish("inhouse.endpoints", { check: true, ...(name ? { name, baseUrl } : {}) });
  return (await server.execute<EndpointStatus[]>("inhouse.endpoints")).filter((status) => (!name || status.name === name) && (!baseUrl || status.baseUrl === baseUrl));
}

/** Check all, the one of a row, or the one that serves an agent. */
export async function checkEndpoints(server: Server, of?: { endpoint?: string; baseUrl?: string; agent?: string }): Promise<void> {
  const route = of?.agent && !of.endpoint ? await server.execute<Route>("inhouse.explain", { agent: of.agent }) : undefined;
  const name = of?.endpoint ?? route?.endpoint, baseUrl = of?.baseUrl ?? route?.baseUrl; // Every definition's own server has the same name, and an address of its own.
  const title = name ? `Checking ${plain(name)}…` : "Checking endpoints…";
  const statuses = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () => checked(server, name, baseUrl));
  await showReport("Endpoints", statuses.length ? ["# Endpoints", ...statuses.map(statusText)].join("\n\n") : "# Endpoints\n\nThere is no endpoint yet.  To add one, use **Inhouse: Add Endpoint…**.");
}

/** A server that refuses has no time of its own. */
export const answersIn = ({ latencyMs }: EndpointStatus): string => latencyMs === undefined || latencyMs === null ? "answers" : `answers in ${Math.round(latencyMs)} ms`;

function statusText(status: EndpointStatus): string {
  const state = status.reachable === undefined ? "not checked" : status.reachable ? answersIn(status) : "does not answer";
  const models = status.models?.map((model) => `- ${asCode(line(model.id))}${model.contextWindow ? `, ${model.contextWindow} tokens` : ""}${model.local ? "" : ", **remote**"}`) ?? [];
  const marks = { error: "**Error:**", warning: "**Warning:**", information: "" };
  const findings = status.findings.map((finding) => `- ${marks[finding.severity]} ${words(`${finding.message}  ${finding.remedy}`)}`);
  return [`## ${words(status.name)}: ${state}`, `${status.kind} at ${words(status.baseUrl)}, ${status.local ? "**local**" : "**remote**"}, from ${words(status.source)}`, [...findings, ...models].join("\n")].filter(Boolean).join("\n\n");
}

export async function explainRoute(server: Server, agent: string): Promise<void> {
  const route = await server.execute<Route>("inhouse.explain", { agent });
  await showReport(`Route of ${agent}`, [
    `# Where ${words(agent)} runs`,
    route.refused ? `**Refused:** ${words(route.refused.reason)}\n\n${words(route.refused.remedy)}` : `**${words(route.endpoint)}** (${route.local ? "local" : "remote"}) at ${words(route.baseUrl)}, model ${asCode(line(route.model))}\n\nDecided by ${words(route.source)}.`,
    "| rule | outcome |\n| --- | --- |\n" + route.steps.map((step) => `| ${words(step.rule)} | ${words(step.outcome)} |`).join("\n"),
  ].join("\n\n"));
}

const line = (text: string): string => text.replace(/\s+/g, " ").trim();
/** What others wrote, on one line: a preview would follow its links and load its pictures. */
const words = (text: string): string => asMarkdown(line(text));
