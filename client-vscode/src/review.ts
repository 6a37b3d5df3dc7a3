/** Reviewing what an agent wants to change, in VS Code's own diff. */
import type { Server } from "./server";
export const reviewEdits = (server: Server): Promise<unknown> => server.client();
export const diffCommands = (server: Server): Record<string, (...args: never[]) => unknown> => ({ "diff.applyFile": () => server.client() });
