/** A file of its own in the package: see library.ts. */
export * from "vscode-languageclient/node";
