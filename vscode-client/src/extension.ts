/** The extension: puts the parts together and registers the commands. */

import * as vscode from "vscode";
import { registerCommands } from "./capabilities";
import { Citations } from "./citations";
import { Feedback } from "./feedback";
import { findServer } from "./find";
import type { Applied } from "./followed";
import { install } from "./install";
import { SHOW_PAGE, type Origin } from "./links";
import { report } from "./locate";
import { APPLIED, PREVIEW } from "./middleware";
import { OPEN_IN_BROWSER } from "./page";
import { Previews, type Proposed } from "./preview";
import { FIX_ALL, fixFile, FixAllProvider, search } from "./search";
import { Server, type Channels } from "./server";
import { isRusta } from "./setup";
import { shown } from "./state";
import { StatusBar } from "./statusBar";
import { takeBack } from "./takeBack";
import { Timeline } from "./timeline";
import { copySettings, neighbour, RUST_ANALYZER, setUpUnder, undoSetUp } from "./under";

const RUST: vscode.DocumentFilter = { language: "rust", scheme: "file" };
const WALKTHROUGH = "rusta.rusta#start";
// These take effect at once; any other of ours needs another server.
const LIVE = ["rusta.previewLines", "rusta.keepFeedback"];

/** What other extensions and the tests may use. */
export interface Api {
  readonly server: Server;
  readonly feedback: Feedback;
}

let running: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const channels: Channels = {
    log: vscode.window.createOutputChannel("Rusta", { log: true }),
    server: vscode.window.createOutputChannel("Rusta Server", { log: true }),
    messages: vscode.window.createOutputChannel("Rusta Messages", { log: true }),
  };
  const server = new Server(context, channels);
  running = server;
  const connection = (): typeof server.connection => server.connection;
  const statusBar = new StatusBar();
  const feedback = new Feedback(connection, channels.log);
  const previews = new Previews(feedback);
  const citations = new Citations(context, connection);
  const timeline = new Timeline(context, {
    connection,
    feedback,
    showAnchor: (id) => citations.showAnchor(id),
    takeBack: (fix) => takeBack(feedback, server.connection, fix),
  });
  context.subscriptions.push(channels.log, channels.server, channels.messages, server, statusBar, feedback, previews, citations, timeline);
  context.subscriptions.push(
    server.onKnown((known) => statusBar.update(known)),
    vscode.languages.registerCodeActionsProvider(RUST, new FixAllProvider(connection), {
      providedCodeActionKinds: [FIX_ALL],
    }),
    vscode.window.registerWebviewPanelSerializer("rusta.timeline", {
      // What it showed is of a server that is gone; it opens anew with one click.
      deserializeWebviewPanel: (panel) => Promise.resolve(panel.dispose()),
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
    vscode.workspace.onDidChangeConfiguration((change) => void reconfigured(server, change)),
    vscode.extensions.onDidChange(() => void neighbourChanged(server)),
  );

  /** A command that needs the server; what goes wrong is said in one line. */
  const withServer = (work: (connection: NonNullable<typeof server.connection>) => Promise<void>) => async () => {
    if (!server.connection) return offerHelp(context, server, channels);
    await said(() => work(server.connection ?? fail()), channels.log);
  };
  const commands: Record<string, (...args: never[]) => unknown> = {
    "rusta.searchHere": withServer((to) => search(to, previews, vscode.window.activeTextEditor, () => timeline.show())),
    "rusta.searchWorkspace": withServer((to) => search(to, previews, undefined, () => timeline.show())),
    "rusta.fixFile": withServer(async (to) => {
      const document = vscode.window.activeTextEditor?.document;
      if (document?.languageId === "rust") await fixFile(to, previews, document);
    }),
    "rusta.explainHere": () => vscode.commands.executeCommand("editor.action.showHover", { focus: "autoFocusImmediately" }),
    "rusta.openTimeline": (id?: string) => timeline.show(typeof id === "string" ? id : undefined),
    "rusta.acceptPreview": () => previews.accept(),
    "rusta.discardPreview": () => previews.discard(),
    "rusta.revertLast": () => said(() => takeBack(feedback, server.connection, null), channels.log),
    "rusta.restart": () => server.restart(),
    "rusta.showLog": () => channels.log.show(),
    "rusta.showServerLog": () => channels.server.show(),
    "rusta.debugInformation": () => copyDebugInformation(context, server),
    "rusta.setUpUnder": () => said(() => switchUnder(context, server), channels.log),
    "rusta.undoSetUp": () =>
      said(async () => {
        await undoSetUp(context);
        await server.restart();
      }, channels.log),
    "rusta.install": async () => {
      if (await install(context, channels.log)) await server.restart();
    },
    "rusta.openWalkthrough": () => vscode.commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH),
    "rusta.menu": () => menu(server),
    [PREVIEW]: (proposed: Proposed) => previews.show(proposed),
    [APPLIED]: (applied: Applied) => feedback.accepted(applied),
    [SHOW_PAGE]: (link: string, origin: Origin | null) => citations.showLink(link, origin),
    [OPEN_IN_BROWSER]: (link: string) => citations.openInBrowser(link),
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(name, run));
  }
  await server.restart();
  // Where the rust-analyzer extension serves, these commands are its own.
  if (server.decision === "own") context.subscriptions.push(...(await registerCommands()));
  void offerHelp(context, server, channels);
  return { server, feedback };
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}

/** Without a server: say why, and offer the next step. */
async function offerHelp(context: vscode.ExtensionContext, server: Server, channels: Channels): Promise<void> {
  const { phase } = server.state;
  if (server.decision === "ask") {
    const choice = await vscode.window.showInformationMessage(
      "The rust-analyzer extension is active. Let it start Rusta in rust-analyzer's place? All of its features stay. Two servers for the same files would be one too many.",
      "Set It Up",
      "Not Now",
    );
    if (choice === "Set It Up") await said(() => switchUnder(context, server), channels.log);
  } else if (phase === "missing") {
    const looked = server.found?.probed.length ? ` Found, but of no use: ${server.found.probed.map((one) => `${one.path} (${one.problem ?? ""})`).join(", ")}.` : "";
    const choice = await vscode.window.showWarningMessage(
      `Rusta's server was not found.${looked}`,
      "Install …",
      "Choose …",
      "Show Log",
    );
    if (choice === "Install …") await vscode.commands.executeCommand("rusta.install");
    else if (choice === "Choose …") await vscode.commands.executeCommand("workbench.action.openSettings", "rusta.server.path");
    else if (choice === "Show Log") channels.log.show();
  } else if (phase === "broken") {
    const choice = await vscode.window.showErrorMessage(`Rusta: ${server.state.problem ?? "the server does not run"}`, "Restart", "Show Log");
    if (choice === "Restart") await server.restart();
    else if (choice === "Show Log") channels.server.show();
  }
}

/** Let the rust-analyzer extension start Rusta. */
async function switchUnder(context: vscode.ExtensionContext, server: Server): Promise<void> {
  if (!neighbour().isInstalled) throw new Error("the rust-analyzer extension is not installed, or disabled");
  const { server: found } = await findServer(context);
  if (!found) throw new Error("the server was not found");
  await server.stop();
  await setUpUnder(context, found.path, server.settings());
  await server.restart();
}

async function reconfigured(server: Server, change: vscode.ConfigurationChangeEvent): Promise<void> {
  if (!change.affectsConfiguration("rusta") || LIVE.some((name) => change.affectsConfiguration(name))) return;
  if (server.decision === "under") {
    await copySettings(server.settings());
    await vscode.commands.executeCommand("rust-analyzer.restartServer");
  }
  await server.restart();
}

async function neighbourChanged(server: Server): Promise<void> {
  const known = vscode.extensions.getExtension(RUST_ANALYZER) !== undefined;
  if (known !== (server.decision === "under" || server.decision === "ask") && !isOwnByChoice()) await server.restart();
}

function isOwnByChoice(): boolean {
  return vscode.workspace.getConfiguration("rusta").get("setup") === "own" && !isRusta(neighbour().serverPath);
}

/** Everything that helps to understand a problem, on the clipboard. */
async function copyDebugInformation(context: vscode.ExtensionContext, server: Server): Promise<void> {
  const { version } = context.extension.packageJSON as { version: string };
  const state = shown(server.state);
  const told = [
    `Rusta for VS Code ${version}, VS Code ${vscode.version}, ${process.platform} ${process.arch}`,
    `set-up: ${server.decision ?? "none"}; ${state.name}: ${state.detail}`,
    `folder trusted: ${vscode.workspace.isTrusted}; remote: ${vscode.env.remoteName ?? "no"}`,
    `settings: ${JSON.stringify(server.settings())}`,
    `server:\n${server.found ? report(server.found.probed) || "nothing was found" : "not looked for"}`,
    `status: ${JSON.stringify(server.state.server ?? null)}`,
  ].join("\n");
  await vscode.env.clipboard.writeText(told);
  const choice = await vscode.window.showInformationMessage("Rusta: the debug information is on the clipboard.", "Show");
  if (choice) await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content: told }));
}

/** What a click on the status bar offers. */
async function menu(server: Server): Promise<void> {
  const items = [
    { label: "$(history) Open the Trace Timeline", command: "rusta.openTimeline" },
    { label: "$(search) Search for Fixes in the Workspace", command: "rusta.searchWorkspace" },
    { label: "$(discard) Take Back a Fix …", command: "rusta.revertLast" },
    { label: "$(refresh) Restart the Server", command: "rusta.restart" },
    { label: "$(output) Show the Server's Log", command: "rusta.showServerLog" },
    { label: "$(bug) Copy Debug Information", command: "rusta.debugInformation" },
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: `Rusta: ${shown(server.state).detail}` });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

/** Run; an error becomes a message instead of a stack. */
async function said(work: () => Promise<void>, log: vscode.LogOutputChannel): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.error(message);
    void vscode.window.showErrorMessage(`Rusta: ${message}`);
  }
}

function fail(): never {
  throw new Error("the server does not run");
}
