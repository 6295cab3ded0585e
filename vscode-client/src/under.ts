/** Running under the rust-analyzer extension: setting it up, undoing it, and reaching the server through it. */

import * as vscode from "vscode";
import type { Client } from "./connection";
import { isRusta, setUp, undo, type Before, type Neighbour, type Write } from "./setup";

export const RUST_ANALYZER = "rust-lang.rust-analyzer";
const BEFORE = "rusta.before";

/** What is known of the rust-analyzer extension. */
export function neighbour(): Neighbour {
  return {
    isInstalled: vscode.extensions.getExtension(RUST_ANALYZER) !== undefined,
    serverPath: vscode.workspace.getConfiguration("rust-analyzer").get<string | null>("server.path") ?? undefined,
  };
}

/** Write the settings, remember what was there, and let the extension start its server anew. */
export async function setUpUnder(
  context: vscode.ExtensionContext,
  server: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<void> {
  const now = globalServerPath();
  if (!isRusta(now)) await context.globalState.update(BEFORE, { serverPath: now } satisfies Before);
  await write(setUp(server, settings));
  await restartNeighbour();
}

/** Put back what was there before. */
export async function undoSetUp(context: vscode.ExtensionContext): Promise<void> {
  await write(undo(context.globalState.get<Before>(BEFORE), globalServerPath()));
  await context.globalState.update(BEFORE, undefined);
  await restartNeighbour();
}

/** The settings that the neighbour passes on are a copy of ours; keep them alike. */
export async function copySettings(settings: Readonly<Record<string, unknown>>): Promise<void> {
  await write(setUp("", settings).filter((one) => one.section === "rust-analyzer.rusta"));
}

/** The neighbour's language client, once it runs. */
export async function neighboursClient(): Promise<Client | undefined> {
  const extension = vscode.extensions.getExtension<{ readonly client?: Client }>(RUST_ANALYZER);
  if (!extension) return undefined;
  const api = await extension.activate();
  return api.client;
}

function globalServerPath(): string | undefined {
  const found = vscode.workspace.getConfiguration("rust-analyzer").inspect<string | null>("server.path");
  return found?.globalValue ?? undefined;
}

async function write(writes: readonly Write[]): Promise<void> {
  for (const { section, value } of writes) {
    await vscode.workspace.getConfiguration().update(section, value, vscode.ConfigurationTarget.Global);
  }
}

async function restartNeighbour(): Promise<void> {
  // The command is the rust-analyzer extension's own; it may not be there while that is disabled.
  const known = await vscode.commands.getCommands(true);
  if (known.includes("rust-analyzer.restartServer")) {
    await vscode.commands.executeCommand("rust-analyzer.restartServer");
  }
}
