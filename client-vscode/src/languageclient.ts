/** A file of its own in the package: see library.ts. */
export { findNodeAtLocation, parseTree } from "jsonc-parser";
export * from "vscode-languageclient/node";
