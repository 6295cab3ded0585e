/** Finds the server on this machine: asks each candidate that exists for its version. */

import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import * as vscode from "vscode";
import { candidates, isRecent, LEAST_VERSION, versionIn, type Candidate, type Probed } from "./locate";

// A busy machine may take long to start Python; a person has the status item meanwhile.
const ANSWER_TIMEOUT_MS = 120_000;

/** What was found, and all that was looked at. */
export interface Found {
  readonly server: Probed | undefined;
  readonly probed: readonly Probed[];
}

export async function findServer(context: vscode.ExtensionContext): Promise<Found> {
  const probed: Probed[] = [];
  const around = {
    setting: vscode.workspace.getConfiguration("rusta").get<string | null>("server.path") ?? undefined,
    extension: context.extensionPath,
    interpreter: vscode.workspace.isTrusted ? await selectedInterpreter() : undefined,
    folders: (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
    isTrusted: vscode.workspace.isTrusted,
    home: homedir(),
    env: process.env,
    privateEnvironment: privateEnvironment(context),
    isWindows: process.platform === "win32",
  };
  for (const candidate of candidates(around)) {
    const one = await probe(candidate);
    if (one) probed.push(one);
    if (one?.problem === undefined && one) return { server: one, probed };
    // What a person has named is what they mean: nothing else is taken in its place.
    if (candidate.where.startsWith("setting")) return { server: undefined, probed: one ? probed : [absent(candidate)] };
  }
  return { server: undefined, probed };
}

/** The folder of the environment that this extension may make. */
export function privateEnvironment(context: vscode.ExtensionContext): string {
  return vscode.Uri.joinPath(context.globalStorageUri, "environment").fsPath;
}

/** Ask a candidate for its version; undefined if it does not exist. */
export async function probe(candidate: Candidate): Promise<Probed | undefined> {
  try {
    await access(candidate.path, constants.X_OK);
  } catch {
    return undefined;
  }
  const output = await new Promise<string | Error>((resolve) => {
    execFile(candidate.path, ["--version"], { timeout: ANSWER_TIMEOUT_MS }, (error, stdout) => resolve(error ?? stdout));
  });
  if (output instanceof Error) return { ...candidate, version: undefined, problem: firstLine(output.message) };
  const version = versionIn(output);
  if (version === undefined) return { ...candidate, version, problem: "not Rusta" };
  const problem = isRecent(version) ? undefined : `${version} is older than ${LEAST_VERSION}`;
  return { ...candidate, version, problem };
}

function absent(candidate: Candidate): Probed {
  return { ...candidate, version: undefined, problem: "there is no such program" };
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? message;
}

/** The interpreter that the Python extension has selected for the first folder, if that extension runs. */
async function selectedInterpreter(): Promise<string | undefined> {
  const python = vscode.extensions.getExtension<PythonApi>("ms-python.python");
  if (!python) return undefined;
  try {
    const api = await python.activate();
    const environments = api.environments;
    const active = environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
    return (await environments.resolveEnvironment(active))?.executable.uri?.fsPath;
  } catch {
    return undefined; // another extension's fault is no reason not to look further
  }
}

/** The part of the Python extension's API that is used here. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly id: string; readonly path: string };
    resolveEnvironment(
      path: { readonly id: string; readonly path: string },
    ): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  };
}
