/**
 * What the rust-analyzer extension does, as far as Rusta has to do with it: it starts the program that
 * `rust-analyzer.server.path` names, without arguments and with `server.extraEnv`, after
 * asking it for its version; its settings are the `initializationOptions`; its client is its API.
 */

import { execFileSync } from "node:child_process";
import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

class Neighbour {
  client: LanguageClient | undefined;

  async start(): Promise<void> {
    const config = vscode.workspace.getConfiguration("rust-analyzer");
    const command = config.get<string | null>("server.path") ?? "rust-analyzer";
    execFileSync(command, ["--version"]);
    const env = { ...process.env, ...config.get<Record<string, string>>("server.extraEnv") };
    const settings = JSON.parse(JSON.stringify(config)) as object;
    const client = new LanguageClient(
      "rust-analyzer",
      "rust-analyzer",
      { command, options: { env } },
      { documentSelector: [{ scheme: "file", language: "rust" }], initializationOptions: settings },
    );
    await client.start();
    this.client = client;
  }

  async restart(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.stop();
    await this.start();
  }
}

export async function activate(context: vscode.ExtensionContext): Promise<Neighbour> {
  const neighbour = new Neighbour();
  context.subscriptions.push(
    vscode.commands.registerCommand("rust-analyzer.restartServer", () => neighbour.restart()),
    { dispose: () => void neighbour.client?.stop() },
  );
  await neighbour.start();
  return neighbour;
}
