/** What VS Code's other servers and checkers report, for the tool `diagnostics`. */
import vscode = require("vscode");
import type { LanguageClient } from "vscode-languageclient/node";

export function offerDiagnostics(client: LanguageClient): void {
  client.onRequest("inhouse/diagnostics", ({ uri }: { uri?: string }) => {
    const one = uri === undefined ? undefined : vscode.Uri.parse(uri);
    const found = one ? [[one, vscode.languages.getDiagnostics(one)] as const] : vscode.languages.getDiagnostics();
    return Promise.all(found.map(async ([file, diagnostics]) => ({
      uri: client.code2ProtocolConverter.asUri(file),
      diagnostics: await client.code2ProtocolConverter.asDiagnostics([...diagnostics]),
    })));
  });
}
