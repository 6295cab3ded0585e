/** Where a server may be, in the order in which it is looked for. Nothing here touches VS Code. */

import * as path from "node:path";

/** What is known of the machine, the folder and the settings. */
export interface Surroundings {
  readonly setting: string | undefined;
  readonly extension: string;
  /** The interpreter that the Python extension has selected. */
  readonly interpreter: string | undefined;
  readonly folders: readonly string[];
  readonly isTrusted: boolean;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the environment that the extension makes itself. */
  readonly privateEnvironment: string;
  readonly isWindows: boolean;
}

/** A program that may be the server, and why it is looked at. */
export interface Candidate {
  readonly path: string;
  readonly where: string;
}

/** What came of asking a candidate for its version. */
export interface Probed extends Candidate {
  readonly version: string | undefined;
  readonly problem: string | undefined;
}

export const LEAST_VERSION = "0.1.0";

/**
 * All candidates, the most explicit first.
 *
 * Programs of a folder that is not trusted are no candidates: to ask one for its version is to run it.
 */
export function candidates(around: Surroundings): Candidate[] {
  const found: Candidate[] = [];
  const add = (where: string, file: string | undefined): void => {
    if (file && !found.some((one) => one.path === file)) found.push({ path: file, where });
  };
  add("setting rusta.server.path", around.setting && expand(around.setting, around));
  add("in the extension", programIn(path.join(around.extension, "server"), around));
  if (around.isTrusted) {
    if (around.interpreter) add("selected Python interpreter", beside(around.interpreter, around));
    for (const folder of around.folders) {
      for (const name of [".venv", "venv"]) {
        add(`the project's ${name}`, programIn(path.join(folder, name), around));
      }
    }
  }
  const active = around.env.VIRTUAL_ENV;
  if (active) add("active virtual environment", programIn(active, around));
  for (const folder of (around.env.PATH ?? "").split(path.delimiter)) {
    if (path.isAbsolute(folder)) add("PATH", path.join(folder, program(around)));
  }
  const data = around.env.XDG_DATA_HOME ?? path.join(around.home, ".local", "share");
  const pipx = around.env.PIPX_HOME ?? path.join(data, "pipx");
  add("pipx", programIn(path.join(pipx, "venvs", "rusta"), around));
  add("pipx", path.join(around.env.PIPX_BIN_DIR ?? path.join(around.home, ".local", "bin"), program(around)));
  const uv = around.env.UV_TOOL_DIR ?? path.join(data, "uv", "tools");
  add("uv tool", programIn(path.join(uv, "rusta"), around));
  add("Rusta's private environment", programIn(around.privateEnvironment, around));
  return found;
}

/** The version in what `rusta --version` prints; undefined if that is not Rusta. */
export function versionIn(output: string): string | undefined {
  return /^rusta, version (\d+\.\d+\.\d+\S*)\s*$/m.exec(output)?.[1];
}

/** Whether a version is recent enough for this extension. */
export function isRecent(version: string): boolean {
  const numbers = (text: string): number[] => text.split(/[.+-]/, 3).map(Number);
  const [have, need] = [numbers(version), numbers(LEAST_VERSION)];
  for (const [n, least] of need.entries()) {
    const own = have[n] ?? 0;
    if (own !== least) return own > least;
  }
  return true;
}

/** What was looked at, a line each, for a person. */
export function report(probed: readonly Probed[]): string {
  return probed
    .map((one) => {
      const verdict = one.version === undefined ? (one.problem ?? "not there") : `rusta ${one.version}`;
      return `${one.version !== undefined && one.problem === undefined ? "✓" : "–"} ${one.path} (${one.where}): ${one.problem ?? verdict}`;
    })
    .join("\n");
}

function expand(setting: string, around: Surroundings): string {
  const home = setting.replace(/^~(?=[/\\]|$)/, around.home);
  const folder = around.folders[0];
  return folder === undefined ? home : home.replaceAll("${workspaceFolder}", folder);
}

function program(around: Surroundings): string {
  return around.isWindows ? "rusta.exe" : "rusta";
}

function programIn(environment: string, around: Surroundings): string {
  return path.join(environment, around.isWindows ? "Scripts" : "bin", program(around));
}

function beside(interpreter: string, around: Surroundings): string {
  return path.join(path.dirname(interpreter), program(around));
}
