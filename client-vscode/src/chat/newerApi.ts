/** What VS Code has had since 1.104 and the typings of the oldest version that we support do not know.
 *
 * Found by looking, never by a version: forks have their own.
 */
import vscode = require("vscode");

export interface ChatModel {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly tooltip?: string;
  readonly detail?: string;
  readonly version: string;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
  readonly capabilities: { readonly imageInput?: boolean; readonly toolCalling?: boolean | number };
}

export interface ChatModelProvider {
  readonly onDidChangeLanguageModelChatInformation?: vscode.Event<void>;
  provideLanguageModelChatInformation(options: { readonly silent: boolean }, token: vscode.CancellationToken): vscode.ProviderResult<ChatModel[]>;
  provideLanguageModelChatResponse(model: ChatModel): Thenable<void>;
  provideTokenCount(model: ChatModel, text: unknown): Thenable<number>;
}

type Register = (vendor: string, provider: ChatModelProvider) => vscode.Disposable;

/** `lm.registerLanguageModelChatProvider`, where there is one. */
export function modelRegistry(): Register | undefined {
  const lm = (vscode as { lm?: { registerLanguageModelChatProvider?: Register } }).lm;
  return typeof lm?.registerLanguageModelChatProvider === "function" ? lm.registerLanguageModelChatProvider.bind(lm) : undefined;
}

/** Whether there is a chat to take part in: forks may have none. */
export const hasChat = (): boolean => typeof (vscode as { chat?: { createChatParticipant?: unknown } }).chat?.createChatParticipant === "function";

/** Whether its view is shown: its commands do nothing in silence where it is not. */
export const showsChat = (): boolean => hasChat() && !vscode.workspace.getConfiguration("chat").get("disableAIFeatures", false);

/** The model that was picked below the input, since 1.95. */
export const modelOf = (request: vscode.ChatRequest): { id: string; vendor: string } | undefined => (request as { model?: { id: string; vendor: string } }).model;

/** The tools that a message names with `#`, since 1.95. */
export const toolsOf = (request: vscode.ChatRequest): readonly { name: string }[] => (request as { toolReferences?: readonly { name: string }[] }).toolReferences ?? [];
