/** What only a running server needs, the language client's library above all: 400 kB that are not even read before. */
import type * as library from "./languageclient";

// A require inside a function is the one lazy import that extension hosts of every age know.
// eslint-disable-next-line @typescript-eslint/no-require-imports
export const load = (): typeof library => require("./languageclient.js") as typeof library;
