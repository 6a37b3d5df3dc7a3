/** Inhouse's models in the chat's own picker.
 *
 * Their text comes from a run of an agent, which `@inhouse` starts: routes, privacy, budget and the record of what went
 * where belong to runs.  Another extension that asks one of these models directly gets a clear no.
 */
import vscode = require("vscode");
import { onDidConfigure } from "../firstMinute";
import { plain } from "../problem";
import type { EndpointStatus, ModelInfo } from "../protocol";
import type { Server } from "../server";
import { modelRegistry, type ChatModel } from "./newerApi";

export const VENDOR = "inhouse";
const AUTO = "auto", KNOWN = "inhouse.chatModels";
const NO = "Inhouse uses its models only through its agents, so that your routes, privacy and budget apply. Write @inhouse in the chat.";

type Chosen = Record<string, never> | { endpoint: string; model: string };

/** The endpoint and model that a picked model stands for; nothing for "as the agent says", and for models of others. */
export function chosenBy(model: { id: string; vendor: string } | undefined): Chosen {
  const [endpoint = "", ...rest] = model?.vendor === VENDOR ? model.id.split("/") : [];
  return rest.length ? { endpoint: decodeURIComponent(endpoint), model: rest.join("/") } : {};
}

interface Known {
  endpoint: string;
  local: boolean;
  models: ModelInfo[];
}

export class ChatModels implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listener = onDidConfigure(() => { void this.refresh(); });
  private readonly registration?: vscode.Disposable;

  constructor(private readonly context: vscode.ExtensionContext, private readonly server: Server) {
    this.registration = modelRegistry()?.(VENDOR, {
      onDidChangeLanguageModelChatInformation: this.changed.event,
      // At once, from what is known: the picker must not wait for a server, nor start one.
      provideLanguageModelChatInformation: () => this.models(),
      provideLanguageModelChatResponse: () => Promise.reject(vscode.LanguageModelError.NoPermissions(NO)),
      provideTokenCount: (_, text) => Promise.resolve(Math.ceil((typeof text === "string" ? text : JSON.stringify(text)).length / 4)),
    });
    this.resolve();
  }

  /** Ask the endpoints on this machine what they serve; others are asked when their user checks them. */
  async refresh(): Promise<void> {
    // An embedded model would be started for that.
    const isOpen = (one: EndpointStatus): boolean => one.local && one.kind !== "embedded" && one.reachable === undefined;
    const local = (await this.server.execute<EndpointStatus[]>("inhouse.endpoints")).filter(isOpen);
    for (const { name, baseUrl } of local) {
      await this.server.execute("inhouse.endpoints", { check: true, name, baseUrl });
    }
    for (let attempt = 0; attempt < (local.length ? 10 : 1); attempt++) {
      if (attempt || local.length) {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const statuses = await this.server.execute<EndpointStatus[]>("inhouse.endpoints");
      await this.keep(statuses);
      if (!statuses.some(isOpen)) {
        return;
      }
    }
  }

  dispose(): void {
    vscode.Disposable.from(this.listener, this.changed, ...(this.registration ? [this.registration] : [])).dispose();
  }

  private async keep(statuses: readonly EndpointStatus[]): Promise<void> {
    const before = this.known();
    const now = statuses.map((one): Known => ({
      endpoint: one.name, local: one.local, models: one.models ?? before.find((known) => known.endpoint === one.name)?.models ?? [] }));
    if (JSON.stringify(now) !== JSON.stringify(before)) {
      await this.context.globalState.update(KNOWN, now);
      this.changed.fire();
      this.resolve();
    }
  }

  /** VS Code refuses a message for which it knows no model: the first of every window, unless it is told of them now. */
  private resolve(): void {
    if (this.registration && typeof vscode.lm.selectChatModels === "function") {
      void vscode.lm.selectChatModels({ vendor: VENDOR }).then(undefined, () => undefined);
    }
  }

  private known(): Known[] {
    return this.context.globalState.get<Known[]>(KNOWN, []);
  }

  private models(): ChatModel[] {
    const auto = information(AUTO, "As the agent says", "your routes decide", "The definition, your routes and your default endpoint decide where each agent runs.");
    return [auto, ...this.known().flatMap((one) => one.models.map((model) => {
      const where = one.local && model.local ? "local" : "remote";
      return information(`${encodeURIComponent(one.endpoint)}/${model.id}`, plain(model.id), `${one.endpoint} · ${where}`,
        where === "local" ? "Runs on this machine." : "Text goes to another machine.", model.contextWindow);
    }))];
  }
}

function information(id: string, name: string, detail: string, tooltip: string, window = 32_768): ChatModel {
  return { id, name, detail, tooltip, family: VENDOR, version: "1", maxInputTokens: window, maxOutputTokens: Math.min(8_192, window), capabilities: { toolCalling: true, imageInput: false } };
}
