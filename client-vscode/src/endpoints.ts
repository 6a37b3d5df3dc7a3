/** Endpoints: check all, and explain who serves an agent. */
import { randomUUID } from "node:crypto";
import vscode = require("vscode");
import { load } from "./library";
import type { EndpointStatus, Route } from "./protocol";
import { showReport } from "./report";
import type { Server } from "./server";

/** `check` starts the checks and answers at once; their progress ends when they are done. */
async function checked(server: Server, name?: string): Promise<EndpointStatus[]> {
  const client = await server.client();
  const workDoneToken = randomUUID();
  const done = new Promise<void>((resolve) => {
    const listener = client.onProgress(load().WorkDoneProgress.type, workDoneToken, ({ kind }) => {
      if (kind === "end") {
        listener.dispose();
        resolve();
      }
    });
  });
  await server.execute("inhouse.endpoints", { check: true, workDoneToken, ...(name ? { name } : {}) });
  await done;
  return (await server.execute<EndpointStatus[]>("inhouse.endpoints")).filter((status) => !name || status.name === name);
}

/** Check all, the one of a row, or the one that serves an agent. */
export async function checkEndpoints(server: Server, of?: { endpoint?: string; agent?: string }): Promise<void> {
  const name = of?.endpoint ?? (of?.agent && (await server.execute<Route>("inhouse.explain", { agent: of.agent })).endpoint);
  const title = name ? `Checking ${name}…` : "Checking endpoints…";
  const statuses = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () => checked(server, name));
  await showReport("Endpoints", statuses.length ? ["# Endpoints", ...statuses.map(statusText)].join("\n\n") : "# Endpoints\n\nThere is no endpoint yet.  To add one, use **Inhouse: Add Endpoint…**.");
}

function statusText(status: EndpointStatus): string {
  const state = status.reachable === undefined ? "not checked" : status.reachable ? `answers in ${Math.round(status.latencyMs ?? 0)} ms` : "does not answer";
  const models = status.models?.map((model) => `- \`${model.id}\`${model.contextWindow ? `, ${model.contextWindow} tokens` : ""}${model.local ? "" : ", **remote**"}`) ?? [];
  const marks = { error: "**Error:**", warning: "**Warning:**", information: "" };
  const findings = status.findings.map((finding) => `- ${marks[finding.severity]} ${finding.message}  ${finding.remedy}`);
  return [`## ${status.name}: ${state}`, `${status.kind} at ${status.baseUrl}, ${status.local ? "**local**" : "**remote**"}, from ${status.source}`, [...findings, ...models].join("\n")].filter(Boolean).join("\n\n");
}

export async function explainRoute(server: Server, agent: string): Promise<void> {
  const route = await server.execute<Route>("inhouse.explain", { agent });
  await showReport(`Route of ${agent}`, [
    `# Where ${agent} runs`,
    route.refused ? `**Refused:** ${route.refused.reason}\n\n${route.refused.remedy}` : `**${route.endpoint}** (${route.local ? "local" : "remote"}) at ${route.baseUrl}, model \`${route.model}\`\n\nDecided by ${route.source}.`,
    "| rule | outcome |\n| --- | --- |\n" + route.steps.map((step) => `| ${cell(step.rule)} | ${cell(step.outcome)} |`).join("\n"),
  ].join("\n\n"));
}

const cell = (text: string): string => text.replace(/\|/g, "\\|").replace(/\s+/g, " ");
