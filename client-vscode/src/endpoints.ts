/** Endpoints: add one, check all. */
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import { setApiKey } from "./keys";
import { load } from "./library";
import { textOf } from "./problem";
import type { EndpointStatus, Route } from "./protocol";
import { showReport } from "./report";
import type { Server } from "./server";

interface Kind extends vscode.QuickPickItem {
  id: string;
  baseUrl: string;
  needsKey: boolean;
}

const KINDS: Kind[] = [
  { label: "$(home) Ollama", description: "on this machine", id: "ollama", baseUrl: "http://localhost:11434", needsKey: false },
  { label: "$(home) LM Studio", description: "on this machine", id: "lmstudio", baseUrl: "http://localhost:1234/v1", needsKey: false },
  { label: "$(home) llama.cpp", description: "on this machine", id: "llamacpp", baseUrl: "http://localhost:8080/v1", needsKey: false },
  { label: "$(home) vLLM", description: "on this machine or a server of yours", id: "vllm", baseUrl: "http://localhost:8000/v1", needsKey: false },
  { label: "$(cloud) OpenRouter", description: "many models, one key", id: "openrouter", baseUrl: "", needsKey: true },
  { label: "$(cloud) LiteLLM gateway", description: "your team's", id: "litellm", baseUrl: "http://localhost:4000/v1", needsKey: true },
  { label: "$(globe) Another server that speaks OpenAI's protocol", id: "openai", baseUrl: "https://", needsKey: true },
];

/** Ask for an endpoint, write it to the user's settings, test it and say what came of it. */
export async function addEndpoint(context: vscode.ExtensionContext, server: Server): Promise<void> {
  const kind = await vscode.window.showQuickPick(KINDS, { title: "Add an endpoint: what is it?" });
  if (!kind) {
    return;
  }
  const baseUrl = kind.baseUrl && (await vscode.window.showInputBox({ title: "Where is it?", value: kind.baseUrl, ignoreFocusOut: true, validateInput: badUrl }));
  const name = baseUrl === undefined ? undefined : await askName(kind.id);
  if (!name) {
    return;
  }
  const withKey = kind.needsKey && (await setApiKey(context, server, name));
  const endpoint = { kind: kind.id, ...(baseUrl ? { baseUrl } : {}), ...(withKey ? { apiKey: `\${keyring:${name}}` } : {}) };
  const before = endpoints();
  await write({ ...before, [name]: endpoint });
  const status = await test(server, name);
  if (status?.reachable) {
    await offerAsDefault(name, status);
  } else if (!(await keepAnyway(name, status))) {
    await write(before);
  }
}

const section = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration("inhouse");
/** The user's own: what stands in a workspace's file gets no key of theirs. */
const endpoints = (): Record<string, unknown> =>
  section().inspect<Record<string, unknown>>("endpoints")?.globalValue ?? {};
const hasWorkspace = (): boolean => vscode.workspace.workspaceFolders !== undefined;

async function write(value: Record<string, unknown>): Promise<void> {
  await section().update("endpoints", Object.keys(value).length ? value : undefined, vscode.ConfigurationTarget.Global);
}

function badUrl(text: string): string | undefined {
  try {
    const url = new URL(text);
    if (!/^https?:$/.test(url.protocol)) {
      return "It begins with http:// or https://.";
    }
    return url.username || url.password ? "No key in the address: it is asked for later." : undefined;
  } catch {
    return "An address such as http://localhost:11434";
  }
}

async function askName(kind: string): Promise<string | undefined> {
  const taken = section().get<Record<string, unknown>>("endpoints", {});
  return vscode.window.showInputBox({
    title: "What shall it be called?", value: kind in taken ? `${kind}-2` : kind, ignoreFocusOut: true,
    validateInput: (text) => !/^[\w.-]+$/.test(text) ? "Letters, digits, dot, dash and underscore." : text in taken ? "That name is taken." : undefined,
  });
}

async function test(server: Server, name: string): Promise<EndpointStatus | undefined> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: `Testing ${name}…` }, async () => {
    try {
      await known(server, name);
      return (await checked(server)).find((status) => status.name === name);
    } catch (error) {
      server.log.warn(textOf(error));
      return undefined;
    }
  });
}

/** `check` starts the checks and answers at once; their progress ends when they are done. */
async function checked(server: Server): Promise<EndpointStatus[]> {
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
  await server.execute("inhouse.endpoints", { check: true, workDoneToken });
  await done;
  return server.execute<EndpointStatus[]>("inhouse.endpoints");
}

/** The server learns of a changed setting a moment after it was written. */
async function known(server: Server, name: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    if ((await server.execute<EndpointStatus[]>("inhouse.endpoints")).some((status) => status.name === name)) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function offerAsDefault(name: string, status: EndpointStatus): Promise<void> {
  const models = status.models?.length ?? 0;
  const choice = await vscode.window.showInformationMessage(
    `${name} answers: ${models === 1 ? "1 model" : `${models} models`}, ${status.local ? "on this machine" : "remote"}.`, "Use by Default", "Not Now");
  if (choice === "Use by Default") {
    await section().update("defaultEndpoint", name, hasWorkspace() ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global);
  }
}

async function keepAnyway(name: string, status: EndpointStatus | undefined): Promise<boolean> {
  const finding = status?.findings.find((each) => each.severity === "error") ?? status?.findings[0];
  const why = finding ? `${finding.message}  ${finding.remedy}` : "It does not answer.";
  return (await vscode.window.showWarningMessage(`${name}: ${why}`, "Keep It Anyway", "Remove It")) !== "Remove It";
}

export async function checkEndpoints(server: Server): Promise<void> {
  const statuses = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: "Checking endpoints…" }, () => checked(server));
  await showReport("Endpoints", statuses.length ? ["# Endpoints", ...statuses.map(statusText)].join("\n\n") : "# Endpoints\n\nNone yet.  **Inhouse: Add Endpoint…** adds one.");
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
