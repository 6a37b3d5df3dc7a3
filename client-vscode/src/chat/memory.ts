/** Which session of Inhouse a conversation of the chat goes on with. */
import { createHash } from "node:crypto";
import vscode = require("vscode");

/** What a turn leaves for the next one; VS Code keeps it with the conversation. */
export interface Memory {
  session?: string;
  agent?: string;
  /** The answer has code in it. */
  shows?: boolean;
  /** It said that the workspace is not trusted. */
  distrust?: true;
}

/** What is known at the beginning of a turn. */
export interface Before extends Memory {
  /** The turn before left nothing: the window was loaded again in the middle of it, or soon after. */
  cutOff: boolean;
}

const KEPT = "inhouse.chatSessions";
const MOST = 50;

/** The newest turn that has a session: one that failed before it began has none.
 *
 * A window that is closed soon after a turn, or in the middle of it, forgets the turn's result: then what was kept when it began counts.
 */
export function memoryOf({ workspaceState }: vscode.ExtensionContext, { history }: vscode.ChatContext): Before {
  const turns = history.filter((turn): turn is vscode.ChatResponseTurn => turn instanceof vscode.ChatResponseTurn).reverse();
  const found = turns.map((turn) => turn.result.metadata as Memory | undefined);
  const session = found.find((one) => one?.session)?.session;
  const first = firstPrompt(history);
  const forgotten = !session && first !== undefined && found.some((one) => one === undefined);
  return { session: forgotten ? new Map(workspaceState.get<[string, string][]>(KEPT, [])).get(first) : session, agent: found.find((one) => one?.agent)?.agent, cutOff: found.length > 0 && found[0] === undefined };
}

/** Keep a conversation's session, by its first prompt; the prompt itself is not kept. */
export async function keepSession({ workspaceState }: vscode.ExtensionContext, { history }: vscode.ChatContext, prompt: string, session: string): Promise<void> {
  const first = firstPrompt(history) ?? digest(prompt);
  const others = workspaceState.get<[string, string][]>(KEPT, []).filter(([known]) => known !== first);
  await workspaceState.update(KEPT, [...others, [first, session]].slice(-MOST));
}

function firstPrompt(history: vscode.ChatContext["history"]): string | undefined {
  const turn = history.find((one): one is vscode.ChatRequestTurn => one instanceof vscode.ChatRequestTurn);
  return turn && digest(turn.prompt);
}

const digest = (text: string): string => createHash("sha256").update(text.trim()).digest("hex");
