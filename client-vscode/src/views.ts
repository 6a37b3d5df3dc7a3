/** The view in the activity bar: sessions with their runs, changes that wait, agents, endpoints.  Trees of VS Code's own, no web page. */
import vscode = require("vscode");
import { answersIn } from "./endpoints";
import type { ListName, Lists } from "./lists";
import { placeOf } from "./pick";
import { plain, straight, textOf } from "./problem";
import type { AgentSummary, EndpointStatus, Hunk, RunSummary, SessionSummary, SessionTurn } from "./protocol";
import type { Server } from "./server";

/** What a row is; the commands of its menus get it. */
export interface Node {
  kind: "session" | "turn" | "run" | "file" | "hunk" | "agent" | "endpoint" | "detail";
  item: vscode.TreeItem;
  children?: () => Promise<Node[]> | Node[];
  session?: string;
  turn?: number;
  runId?: string;
  uri?: string;
  hunk?: string;
  agent?: string;
  endpoint?: string;
  baseUrl?: string;
}

/** A tree that reads its rows when somebody looks, and again when one of its lists has changed. */
class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  readonly view: vscode.TreeView<Node>;
  private readonly listeners: vscode.Disposable;
  private stale = false;

  constructor(id: string, lists: Lists, names: readonly ListName[], private readonly rows: () => Promise<Node[]>) {
    this.view = vscode.window.createTreeView(id, { treeDataProvider: this, showCollapseAll: true });
    this.listeners = vscode.Disposable.from(
      lists.onDidChange((changed) => { if (changed.some((name) => names.includes(name))) { this.refresh(); } }),
      this.view.onDidChangeVisibility(({ visible }) => { if (visible && this.stale) { this.refresh(); } }));
  }

  refresh(): void {
    this.stale = !this.view.visible;
    if (!this.stale) {
      this.changed.fire();
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return node.item;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node) {
      return (await node.children?.()) ?? [];
    }
    this.tell(undefined);
    try {
      return await this.rows();
    } catch (error) { // VS Code would tell it for each tree.
      this.tell(textOf(error));
      return [];
    }
  }

  private tell(message: string | undefined): void {
    if (this.view.message !== message) {
      this.view.message = message;
    }
  }

  dispose(): void {
    vscode.Disposable.from(this.listeners, this.view, this.changed).dispose();
  }
}

export function showViews(server: Server, lists: Lists): vscode.Disposable {
  const edits = new Tree("inhouse.edits", lists, [], () => Promise.resolve(filesOf(lists.hunks)));
  const count = (): void => {
    const { length } = lists.hunks;
    edits.view.badge = length ? { value: length, tooltip: length === 1 ? "1 proposed change waits for you" : `${length} proposed changes wait for you` } : undefined;
    edits.refresh();
  };
  count();
  return vscode.Disposable.from(
    new Tree("inhouse.sessions", lists, ["sessions", "runs", "edits"], () => sessions(server, lists)),
    edits, lists.onDidChangeHunks(count),
    new Tree("inhouse.agents", lists, ["agents", "endpoints"], () => agents(server)),
    new Tree("inhouse.endpoints", lists, ["endpoints", "runs"], () => endpoints(server)));
}

const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;

function row(label: string, icon: string, more: Partial<vscode.TreeItem> & { color?: string } = {}): vscode.TreeItem {
  const { color, ...rest } = more;
  const item = new vscode.TreeItem(straight(label), rest.collapsibleState ?? None);
  const description = typeof rest.description === "string" ? { description: straight(rest.description) } : {};
  return Object.assign(item, { iconPath: new vscode.ThemeIcon(icon, color ? new vscode.ThemeColor(color) : undefined), ...rest, ...description });
}

/** As text: a title is in words of a user or a model, and Markdown of theirs could be a picture that a server hears of. */
const tip = (...lines: (string | undefined | false)[]): string => lines.filter(Boolean).join("\n");

const STATES: Record<SessionSummary["status"] | "asks", { icon: string; told: string; color?: string }> = {
  running: { icon: "sync~spin", told: "runs" },
  asks: { icon: "question", told: "waits for you", color: "notificationsWarningIcon.foreground" },
  completed: { icon: "pass", told: "done", color: "testing.iconPassed" },
  cancelled: { icon: "circle-slash", told: "cancelled" },
  failed: { icon: "error", told: "failed", color: "testing.iconFailed" },
  interrupted: { icon: "debug-disconnect", told: "interrupted" },
};

/** Tokens, the share of the window and the money of a run or a session, as far as they are known. */
export function spent(of: { inputTokens?: number; outputTokens?: number; costUsd?: number | null; contextTokens?: number; contextWindow?: number }): string {
  const tokens = (of.inputTokens ?? 0) + (of.outputTokens ?? 0);
  const share = of.contextTokens && of.contextWindow ? `${Math.round(100 * of.contextTokens / of.contextWindow)} % of the window` : "";
  const cost = of.costUsd ? `$${of.costUsd.toFixed(of.costUsd < 0.01 ? 4 : 2)}` : of.costUsd === null && tokens ? "cost unknown" : "";
  return [tokens ? `${short(tokens)} tokens` : "", share, cost].filter(Boolean).join(" · ");
}

const short = (count: number): string => count < 1000 ? String(count) : count < 1e6 ? `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)}k` : `${(count / 1e6).toFixed(1)}M`;
const few = (count: number, one: string, many = `${one}s`): string => count === 1 ? `1 ${one}` : `${count} ${many}`;

async function sessions(server: Server, lists: Lists): Promise<Node[]> {
  const [all, runs] = await Promise.all([
    server.execute<SessionSummary[]>("inhouse.sessions", { limit: 100 }), server.execute<RunSummary[]>("inhouse.runs", { limit: 200 })]);
  return all.map((session) => {
    const own = runs.filter((run) => run.session === session.id);
    const now = own.find((run) => run.status === "running");
    const changes = lists.hunks.filter((hunk) => own.some((run) => run.runId === hunk.runId)).length;
    const state = STATES[now?.asks ? "asks" : session.status];
    const waits = [state.told, changes ? few(changes, "change waits", "changes wait") : ""].filter(Boolean).join(", ");
    const cost = spent({ ...session, contextTokens: (now ?? own[0])?.contextTokens, contextWindow: (now ?? own[0])?.contextWindow });
    const item = row(straight(session.title).trim() || session.agent, state.icon, {
      color: state.color, collapsibleState: Collapsed, id: `session ${session.id}`, contextValue: `session ${now ? "running" : "ended"}`,
      description: [session.agent, waits, cost].filter(Boolean).join(" · "),
      tooltip: tip(session.title, `${session.agent}, ${few(session.turns, "turn")}, ${waits}`, cost, now?.doing, new Date(session.updatedAt).toLocaleString()),
    });
    const node: Node = { kind: "session", item, session: session.id, ...(now ? { runId: now.runId } : {}), agent: session.agent };
    item.command = { command: "inhouse.openSession", title: "Open Session", arguments: [node] };
    node.children = () => turns(server, session.id, runs);
    return node;
  });
}

async function turns(server: Server, session: string, runs: readonly RunSummary[]): Promise<Node[]> {
  const all = await server.execute<SessionTurn[]>("inhouse.session.turns", { session });
  return all.map((turn) => {
    const run = runs.find((each) => each.runId === turn.runId);
    const state = STATES[run?.asks ? "asks" : turn.status];
    const changed = turn.undone ? "undone" : turn.changedFiles ? few(turn.changedFiles, "file") : "";
    const below = runs.filter((each) => each.parent === turn.runId);
    const item = row(turn.prompt.replace(/\s+/g, " ").slice(0, 120) || turn.agent, state.icon, {
      color: state.color, id: `turn ${turn.runId}`, contextValue: `turn ${turn.status === "running" ? "running" : "ended"}${turn.changedFiles ? " changed" : ""}`,
      collapsibleState: below.length ? Collapsed : None,
      description: [state.told, changed, spent(run ?? turn), `${turn.local ? "local" : "remote"}: ${turn.endpoint}`].filter(Boolean).join(" · "),
      tooltip: tip(turn.prompt, `${turn.agent} on ${turn.endpoint} (${turn.local ? "local" : "remote"}), ${turn.model}`, run?.doing),
      command: { command: "inhouse.showRun", title: "Show Run", arguments: [turn.runId] },
    });
    return { kind: "turn", item, session, turn: turn.turn, runId: turn.runId, agent: turn.agent, children: () => below.map((each) => subAgent(each, runs)) };
  });
}

function subAgent(run: RunSummary, runs: readonly RunSummary[]): Node {
  const below = runs.filter((each) => each.parent === run.runId);
  const state = STATES[run.asks ? "asks" : run.status];
  return { kind: "run", runId: run.runId, children: () => below.map((each) => subAgent(each, runs)), item: row(run.agent, state.icon, {
    color: state.color, id: `run ${run.runId}`, description: [state.told, spent(run), run.endpoint].filter(Boolean).join(" · "), tooltip: tip(run.prompt, run.model),
    collapsibleState: below.length ? Collapsed : None,
    command: { command: "inhouse.showRun", title: "Show Run", arguments: [run.runId] },
  }) };
}

function filesOf(hunks: readonly Hunk[]): Node[] {
  return [...new Set(hunks.map(({ uri }) => uri))].map((uri) => {
    const own = hunks.filter((hunk) => hunk.uri === uri), resource = vscode.Uri.parse(uri), kind = own[0]?.kind ?? "change";
    const told = kind === "create" ? "new file" : kind === "delete" ? "is deleted" : few(own.length, "change");
    const what = kind === "change" || own.some(({ fits }) => fits) ? told : `${told}, no longer fits`;
    const item = row("", "file", {
      resourceUri: resource, iconPath: vscode.ThemeIcon.File, id: `file ${uri}`, contextValue: "file", collapsibleState: kind === "change" ? Expanded : None,
      description: [vscode.workspace.asRelativePath(resource).split("/").slice(0, -1).join("/"), what, [...new Set(own.map(({ agent }) => agent))].join(", ")].filter(Boolean).join(" · "),
    });
    item.label = undefined;
    const node: Node = { kind: "file", item, uri, children: () => own.map(hunkNode) };
    item.command = { command: "inhouse.reviewEdits", title: "Review", arguments: [{ uri }] };
    return node;
  });
}

function hunkNode(hunk: Hunk): Node {
  const lines = (text: string): number => text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const fresh = (hunk.new || hunk.old).split("\n").find((line) => line.trim()) ?? "";
  const start = hunk.range && new vscode.Position(hunk.range.start.line, 0);
  return { kind: "hunk", uri: hunk.uri, hunk: hunk.id, item: row(plain(fresh.trim()).slice(0, 100) || "(empty lines)", hunk.fits ? "diff-modified" : "warning", {
    id: `hunk ${hunk.id}`, contextValue: hunk.fits ? "hunk" : "hunk stale",
    description: hunk.fits ? `line ${(start?.line ?? 0) + 1}, −${lines(hunk.old)} +${lines(hunk.new)}` : "no longer fits the text",
    tooltip: tip(...hunk.old.split("\n").filter(Boolean).map((line) => `- ${line}`), ...hunk.new.split("\n").filter(Boolean).map((line) => `+ ${line}`)),
    command: start
      ? { command: "vscode.open", title: "Open", arguments: [vscode.Uri.parse(hunk.uri), { selection: new vscode.Range(start, start) }] }
      : { command: "inhouse.reviewEdits", title: "Review", arguments: [{ uri: hunk.uri, hunk: hunk.id }] },
  }) };
}

async function agents(server: Server): Promise<Node[]> {
  const all = await server.execute<AgentSummary[]>("inhouse.agents");
  return all.filter((agent) => !agent.shadowedBy).map((agent) => {
    const [icon, color] = !agent.usable ? ["error", "testing.iconFailed"] : !agent.route || agent.route.refused ? ["circle-slash", undefined] : agent.route.local ? ["home", undefined] : ["cloud", undefined];
    const trouble = agent.problems.filter(({ severity }) => severity === "error" || severity === "warning").map(({ message }) => message);
    const refused = agent.route?.refused && `${agent.route.refused.reason} ${agent.route.refused.remedy}`;
    const start = agent.range && new vscode.Position(agent.range.start.line, agent.range.start.character);
    return { kind: "agent", agent: agent.id, uri: agent.source, item: row(agent.displayName || agent.id, icon, {
      color, id: `agent ${agent.id}`, contextValue: agent.usable ? "agent usable" : "agent", description: placeOf(agent), tooltip: tip(agent.description, refused, ...trouble),
      command: { command: "vscode.open", title: "Open Definition", arguments: [vscode.Uri.parse(agent.source), start ? { selection: new vscode.Range(start, start) } : {}] },
    }) } satisfies Node;
  });
}

async function endpoints(server: Server): Promise<Node[]> {
  const all = await server.execute<EndpointStatus[]>("inhouse.endpoints");
  return all.map((status) => {
    const wrong = status.findings.some(({ severity }) => severity === "error");
    const [icon, color] = status.reachable === undefined ? [status.local ? "home" : "cloud", undefined] : status.reachable && !wrong ? ["pass", "testing.iconPassed"] : ["error", "testing.iconFailed"];
    const health = status.reachable === undefined ? "not checked" : status.reachable ? answersIn(status) : "does not answer";
    const models = status.models ?? [], used = status.used && `${spent(status.used)} in ${few(status.used.requests, "request")}`;
    const details: Node[] = [
      ...status.findings.map((finding) => detail(finding.message, finding.severity === "error" ? "error" : finding.severity === "warning" ? "warning" : "info", finding.remedy)),
      ...models.map((model) => detail(model.id, model.local ? "symbol-misc" : "cloud", model.contextWindow ? `${short(model.contextWindow)} tokens` : ""))];
    return { kind: "endpoint", endpoint: status.name, baseUrl: status.baseUrl, children: () => details, item: row(status.name, icon, {
      color, id: `endpoint ${status.name} ${status.baseUrl}`, contextValue: "endpoint", collapsibleState: details.length ? Collapsed : None,
      description: [status.local ? "local" : "remote", health, status.models ? few(models.length, "model") : "", used].filter(Boolean).join(" · "),
      tooltip: tip(`${status.kind} at ${status.baseUrl}`, `from ${status.source}`, used && `used since the server was started: ${used}`, ...status.findings.map(({ message, remedy }) => `${message}  ${remedy}`)),
    }) } satisfies Node;
  });
}

const detail = (label: string, icon: string, description: string): Node => ({ kind: "detail", item: row(plain(label), icon, { description, tooltip: tip(label, description) }) });
