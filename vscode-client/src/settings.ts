/** Which settings are sent to the server: only what a person has set, so that a project's rusta.toml counts. */

/** The values of a setting in the places where it can be set, as VS Code's `inspect` gives them. */
export interface Inspected {
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/** The settings of this extension itself; the server has no use for them. */
const OWN = /^(server\.|setup$|previewLines$|keepFeedback$|trace\.)/;

/** The names of the server's settings among those that the extension contributes. */
export function serverSettings(contributed: readonly string[]): string[] {
  return contributed
    .filter((name) => name.startsWith("rusta."))
    .map((name) => name.slice("rusta.".length))
    .filter((name) => !OWN.test(name));
}

/** What somebody has set; the innermost place counts. */
export function explicit(
  names: readonly string[],
  inspect: (name: string) => Inspected | undefined,
): Record<string, unknown> {
  const set: Record<string, unknown> = {};
  for (const name of names) {
    const found = inspect(name);
    const value = found?.workspaceFolderValue ?? found?.workspaceValue ?? found?.globalValue;
    if (value !== undefined && value !== null) set[name] = value;
  }
  return set;
}

/**
 * The server's `initializationOptions`: rust-analyzer's settings with Rusta's among them.
 *
 * The server runs nothing of a workspace that is not trusted, whatever the settings say.
 */
export function initializationOptions(
  rustAnalyzer: Readonly<Record<string, unknown>>,
  rusta: Readonly<Record<string, unknown>>,
  isTrusted: boolean,
): Record<string, unknown> {
  return { ...rustAnalyzer, rusta: isTrusted ? rusta : { ...rusta, trusted: false } };
}
