/** What rust-analyzer may expect of this client beyond the protocol; see its "LSP Extensions". */

import * as vscode from "vscode";
import type { ClientCapabilities, StaticFeature } from "vscode-languageclient/node";

/** The commands behind rust-analyzer's lenses and hovers that this client runs. */
const COMMANDS = {
  "rust-analyzer.showReferences": (uri: string, position: Position, locations: readonly Location[]) =>
    vscode.commands.executeCommand(
      "editor.action.showReferences",
      vscode.Uri.parse(uri),
      positionOf(position),
      locations.map((one) => new vscode.Location(vscode.Uri.parse(one.uri), rangeOf(one.range))),
    ),
  "rust-analyzer.triggerParameterHints": () => vscode.commands.executeCommand("editor.action.triggerParameterHints"),
  "rust-analyzer.rename": () => vscode.commands.executeCommand("editor.action.rename"),
  "rust-analyzer.runSingle": (runnable: Runnable) => runInTask(runnable),
} as const;

/** Announces it. */
export const experimental: StaticFeature = {
  fillClientCapabilities: (capabilities: ClientCapabilities) => {
    capabilities.experimental = {
      ...(capabilities.experimental as object | undefined),
      serverStatusNotification: true,
      commands: { commands: Object.keys(COMMANDS) },
    };
  },
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

/** Registers the commands; those that another extension has registered stay its own. */
export async function registerCommands(): Promise<vscode.Disposable[]> {
  const known = await vscode.commands.getCommands();
  return Object.entries(COMMANDS)
    .filter(([name]) => !known.includes(name))
    .map(([name, run]) => vscode.commands.registerCommand(name, run));
}

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Range {
  readonly start: Position;
  readonly end: Position;
}

interface Location {
  readonly uri: string;
  readonly range: Range;
}

/** As rust-analyzer describes something that can be run. */
interface Runnable {
  readonly label: string;
  readonly args: {
    readonly cwd?: string;
    readonly workspaceRoot?: string;
    readonly cargoArgs?: readonly string[];
    readonly executableArgs?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
  };
}

async function runInTask({ label, args }: Runnable): Promise<void> {
  if (!vscode.workspace.isTrusted) return;
  const words = [...(args.cargoArgs ?? [])];
  if (args.executableArgs?.length) words.push("--", ...args.executableArgs);
  const cwd = args.cwd ?? args.workspaceRoot;
  const options = { ...(cwd === undefined ? {} : { cwd }), env: { ...args.environment } };
  const execution = new vscode.ProcessExecution("cargo", words, options);
  const task = new vscode.Task({ type: "rusta" }, vscode.TaskScope.Workspace, label, "rusta", execution, "$rustc");
  await vscode.tasks.executeTask(task);
}

function positionOf({ line, character }: Position): vscode.Position {
  return new vscode.Position(line, character);
}

function rangeOf({ start, end }: Range): vscode.Range {
  return new vscode.Range(positionOf(start), positionOf(end));
}
