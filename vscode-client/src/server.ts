/** The server as the extension sees it: found, started or reached through another extension, watched, ended. */

import * as vscode from "vscode";
import { LanguageClient, State, Trace, type LanguageClientOptions } from "vscode-languageclient/node";
import { experimental } from "./capabilities";
import { connect, type Client, type Connection } from "./connection";
import { findServer, type Found } from "./find";
import { report } from "./locate";
import { middleware } from "./middleware";
import { explicit, initializationOptions, serverSettings } from "./settings";
import { decide, type Choice, type Decision } from "./setup";
import type { AnalyzerStatus, Known, ServerStatus } from "./state";
import { neighbour, neighboursClient } from "./under";

const WAIT_MS = 25_000;
const PAUSE_MS = 1_000;
const NEIGHBOUR_PATIENCE_MS = 60_000;

/** The output channels. */
export interface Channels {
  readonly log: vscode.LogOutputChannel;
  readonly server: vscode.LogOutputChannel;
  readonly messages: vscode.LogOutputChannel;
}

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private reached: Connection | undefined;
  private watching: vscode.CancellationTokenSource | undefined;
  private known: Known = { phase: "stopped" };
  private readonly knownEmitter = new vscode.EventEmitter<Known>();
  private working: Promise<void> = Promise.resolve();

  readonly onKnown = this.knownEmitter.event;
  found: Found | undefined;
  decision: Decision | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly channels: Channels,
  ) {}

  /** The way to the server, if it runs. */
  get connection(): Connection | undefined {
    return this.reached;
  }

  get state(): Known {
    return this.known;
  }

  /** The settings that a person has set. */
  settings(): Record<string, unknown> {
    const manifest = this.context.extension.packageJSON as Manifest;
    const names = manifest.contributes.configuration.flatMap((section) => Object.keys(section.properties));
    const config = vscode.workspace.getConfiguration("rusta");
    return explicit(serverSettings(names), (name) => config.inspect(name));
  }

  /** Start, or start again; calls do not overlap. */
  restart(): Promise<void> {
    this.working = this.working.then(async () => {
      await this.stop();
      try {
        await this.start();
      } catch (error) {
        this.channels.log.error(String(error));
        this.tell({ phase: "broken", problem: error instanceof Error ? error.message : String(error) });
      }
    });
    return this.working;
  }

  async stop(): Promise<void> {
    this.watching?.cancel();
    this.watching = undefined;
    this.reached = undefined;
    const { client } = this;
    this.client = undefined;
    if (client) {
      this.tell({ phase: "stopped" });
      if (client.state !== State.Stopped) await client.stop().catch((error: unknown) => this.channels.log.warn(String(error)));
      await client.dispose();
    }
  }

  dispose(): void {
    this.knownEmitter.dispose();
  }

  private async start(): Promise<void> {
    const choice = vscode.workspace.getConfiguration("rusta").get<Choice>("setup", "auto");
    this.decision = decide(choice, neighbour());
    this.channels.log.info(`set-up: ${this.decision}`);
    if (this.decision === "under") return this.reachNeighbour();
    if (this.decision === "ask") {
      this.tell({ phase: "stopped", problem: "the rust-analyzer extension is active; Rusta can run under it" });
      return;
    }
    this.tell({ phase: "starting" });
    this.found = await findServer(this.context);
    this.channels.log.info(`looked for the server:\n${report(this.found.probed) || "nothing is there"}`);
    const { server } = this.found;
    if (!server) {
      this.tell({ phase: "missing", problem: "the server was not found" });
      return;
    }
    this.client = this.makeClient(server.path);
    const { client } = this;
    client.onDidChangeState(({ newState }) => {
      if (client !== this.client) return;
      if (newState === State.Running) this.reach(client);
      else if (newState === State.Starting) this.tell({ phase: "starting" });
      else this.tell({ phase: "broken", problem: "the server has ended; see its log" });
    });
    client.onNotification("experimental/serverStatus", (analyzer: AnalyzerStatus) => this.tell({ ...this.known, analyzer }));
    await client.start();
  }

  private makeClient(command: string): LanguageClient {
    const config = vscode.workspace.getConfiguration("rusta");
    const env = { ...process.env, ...config.get<Record<string, string>>("server.env", {}) };
    const args = ["serve", "--log-to-editor", ...(vscode.workspace.isTrusted ? [] : ["--untrusted"])];
    const options: LanguageClientOptions = {
      documentSelector: [
        { scheme: "file", language: "rust" },
        { scheme: "file", pattern: "**/Cargo.toml" },
      ],
      initializationOptions: () =>
        initializationOptions(
          plain(vscode.workspace.getConfiguration("rust-analyzer")),
          this.settings(),
          vscode.workspace.isTrusted,
        ),
      outputChannel: this.channels.server,
      traceOutputChannel: this.channels.messages,
      middleware: middleware((isChecking) => this.tell({ ...this.known, isChecking })),
      markdown: { isTrusted: false, supportHtml: false },
    };
    const client = new LanguageClient("rusta", "Rusta", { command, args, options: { env } }, options);
    client.registerFeature(experimental);
    const level = config.get<string>("trace.server", "off");
    void client.setTrace(Trace.fromString(level));
    return client;
  }

  /** The rust-analyzer extension starts its server in its own time. */
  private async reachNeighbour(): Promise<void> {
    this.tell({ phase: "starting", isUnder: true });
    const until = Date.now() + NEIGHBOUR_PATIENCE_MS;
    for (;;) {
      const client = await neighboursClient();
      if (client && (await answers(client))) {
        this.reach(client);
        return;
      }
      if (Date.now() > until) throw new Error("the rust-analyzer extension runs, but its server is not Rusta");
      await pause(PAUSE_MS);
    }
  }

  private reach(client: Client): void {
    this.reached = connect(client);
    this.tell({ phase: "running", isUnder: this.decision === "under" });
    this.watching?.cancel();
    const watching = new vscode.CancellationTokenSource();
    this.watching = watching;
    void this.watch(this.reached, watching.token);
  }

  /** Ask for the server's state again and again; it answers when there is news. */
  private async watch(connection: Connection, token: vscode.CancellationToken): Promise<void> {
    let seen: ServerStatus | undefined;
    while (!isOver(token)) {
      try {
        const server = await connection.request<ServerStatus>("rusta/status", { seen, waitMs: seen ? WAIT_MS : 0 }, token);
        if (isOver(token)) return;
        seen = server;
        this.tell({ ...this.known, server });
      } catch (error) {
        if (isOver(token)) return;
        this.channels.log.debug(`no status: ${String(error)}`);
        await pause(PAUSE_MS);
      }
    }
  }

  private tell(known: Known): void {
    this.known = known;
    this.knownEmitter.fire(known);
  }
}

interface Manifest {
  readonly contributes: { readonly configuration: readonly { readonly properties: Record<string, unknown> }[] };
}

async function answers(client: Client): Promise<boolean> {
  try {
    await client.sendRequest("rusta/status", {});
    return true;
  } catch {
    return false;
  }
}

function plain(config: vscode.WorkspaceConfiguration): Record<string, unknown> {
  return JSON.parse(JSON.stringify(config)) as Record<string, unknown>;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A call, so that nobody takes the answer from before an `await` for the one after it. */
function isOver(token: vscode.CancellationToken): boolean {
  return token.isCancellationRequested;
}
