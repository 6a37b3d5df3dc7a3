/** A file of its own in the package: see library.ts. */
import { LanguageClient } from "vscode-languageclient/node";

export { findNodeAtLocation, parseTree } from "jsonc-parser";
export * from "vscode-languageclient/node";

/** The client's own words about a lost server go to the log: the user gets ours.
 *
 * A trace tells which requests there are, never what is in them: that may be a key.  `inhouse.trace` tells more, without keys.
 */
export class QuietClient extends LanguageClient {
  constructor(...parts: ConstructorParameters<typeof LanguageClient>) {
    super(...parts);
    // Where the format of a trace is JSON.  It is private there, and nobody who subclasses can say more.
    Object.defineProperty(this, "traceObject", { value: () => undefined });
  }

  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }

  override trace(message: string): void {
    super.trace(message);
  }
}
