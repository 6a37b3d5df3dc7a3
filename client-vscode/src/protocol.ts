/** The wire shapes of docs/protocol.md, as far as this extension reads them. */
export interface Route {
  endpoint: string;
  baseUrl: string;
  model: string;
  local: boolean;
  decidedBy: string;
  source: string;
  steps: { rule: string; outcome: string }[];
  refused?: { reason: string; remedy: string };
}

export type Status = "running" | "completed" | "cancelled" | "failed";
export type EditState = "proposed" | "applied" | "rejected";

export interface RunResult {
  runId: string;
  agent: string;
  route: Route;
  status: Status;
  text: string;
  usage: { inputTokens: number; outputTokens: number; costUsd: number | null };
  edits: { uri: string; state: EditState }[];
  error?: ErrorData & { message: string };
  durationMs: number;
  firstTokenMs: number | null;
  session?: string;
}

export interface RunSummary {
  runId: string;
  agent: string;
  status: Status;
  startedAt: string;
  durationMs: number;
  prompt: string;
  endpoint: string;
  model: string;
  parent?: string;
  session?: string;
  inputTokens?: number;
  outputTokens?: number;
  costUsd?: number | null;
  contextTokens?: number;
  contextWindow?: number;
  doing?: string;
  asks?: boolean;
}

export interface AgentSummary {
  id: string;
  displayName: string;
  description: string;
  model: string;
  source: string;
  range?: { start: Position; end: Position };
  usable: boolean;
  shadowedBy?: string;
  route?: Route;
  problems: { severity: "error" | "warning" | "information" | "hint"; message: string }[];
}

/** One proposed change that waits. */
export interface Hunk {
  id: string;
  runId: string;
  agent: string;
  uri: string;
  kind: "change" | "create" | "delete";
  fits: boolean;
  /** Where it stands in the file of now. */
  range: { start: Position; end: Position } | null;
  old: string;
  new: string;
}

export interface SessionSummary {
  id: string;
  title: string;
  agent: string;
  turns: number;
  status: Status | "interrupted";
  updatedAt: string;
  inputTokens: number;
  outputTokens: number;
  costUsd: number | null;
  uri: string;
}

export interface SessionTurn {
  turn: number;
  runId: string;
  agent: string;
  prompt: string;
  status: Status | "interrupted";
  endpoint: string;
  model: string;
  local: boolean;
  durationMs: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number | null;
  changedFiles: number;
  undone: boolean;
}

export interface Position {
  line: number;
  character: number;
}

export interface EndpointStatus {
  name: string;
  kind: string;
  baseUrl: string;
  local: boolean;
  source: string;
  reachable?: boolean;
  latencyMs?: number;
  models?: { id: string; contextWindow?: number; local: boolean }[];
  used?: { inputTokens: number; outputTokens: number; costUsd: number | null; requests: number };
  takesKey?: true;
  findings: { severity: "error" | "warning" | "information"; message: string; remedy: string; code?: string }[];
}

export interface ModelInfo {
  id: string;
  contextWindow?: number;
  local: boolean;
}

/** Somebody who can serve models, by name. */
export interface Provider {
  name: string;
  label: string;
  kind: string;
  baseUrl: string;
  local: boolean;
  key: "none" | "optional" | "required";
  keyVariable?: string;
  keyIsSet?: boolean;
  startCommand?: string;
  models?: ModelInfo[];
}

export interface EndpointAdded {
  name: string;
  isDefault: boolean;
  uri: string;
}

export interface EmbeddedStatus {
  installed: boolean;
  installing: boolean;
  ability: string;
  error?: ErrorData & { message: string };
}

/** An error in parts. */
export interface ErrorData {
  code: string;
  cause: string;
  remedies: Remedy[];
}

export interface Remedy {
  id: "addEndpoint" | "installModel" | "setKey" | "startServer" | "checkEndpoints" | "openSetting" | "openFile" | "trust" | "showLog";
  title: string;
  endpoint?: string;
  setting?: string;
  command?: string;
  uri?: string;
  line?: number;
}

export interface RunArguments {
  agent?: string;
  prompt?: string;
  uri?: string;
  range?: { start: Position; end: Position };
  streamToken?: string | number;
  streamText?: boolean;
  workDoneToken?: string | number;
  showTranscript?: boolean;
  ownView?: boolean;
  [more: string]: unknown;
}

export interface RunStarted {
  runId: string;
  agent: string;
  route: Route;
  session?: string;
  steered?: true;
}

export type RunEvent = { seq: number; runId: string; agent: string; parent?: string } & (
  | { kind: "start"; route: Route }
  | { kind: "text" | "reasoning"; delta: string }
  | { kind: "tool_call"; callId: string; tool: string; title?: string; did?: string; input: unknown }
  | { kind: "tool_result"; callId: string; ok: boolean; summary: string }
  | { kind: "edit"; uri: string; state: EditState; diff: string }
  | { kind: "question"; questionId: string; text: string; choices: string[]; detail?: string; safe?: string; multiple?: true }
  | { kind: "usage"; inputTokens: number; outputTokens: number; costUsd: number | null; contextWindow?: number }
  | { kind: "notice"; level: "info" | "warning"; code: string; message: string }
  | { kind: "finish"; result: RunResult }
);
