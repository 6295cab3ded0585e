/** Who starts the server, and what is changed in the settings so that the rust-analyzer extension does. */

export type Choice = "auto" | "own" | "under";

/** What is known of the rust-analyzer extension. */
export interface Neighbour {
  readonly isInstalled: boolean;
  /** Its setting `rust-analyzer.server.path`. */
  readonly serverPath: string | undefined;
}

/**
 * What the extension does.
 *
 * `own`: start a server. `under`: the rust-analyzer extension has started one. `ask`: two servers would run
 * for the same files, so start none and offer to switch.
 */
export type Decision = "own" | "under" | "ask";

export function decide(choice: Choice, neighbour: Neighbour): Decision {
  if (!neighbour.isInstalled) return "own";
  if (isRusta(neighbour.serverPath)) return "under";
  return choice === "own" ? "own" : "ask";
}

/** Whether a path names Rusta's program. */
export function isRusta(path: string | undefined): boolean {
  return path !== undefined && /(^|[/\\])rusta(\.exe)?$/.test(path);
}

/** A setting to write; undefined takes it away. */
export interface Write {
  readonly section: string;
  readonly value: unknown;
}

/** What was in force before, so that it can be put back. */
export interface Before {
  readonly serverPath: string | undefined;
}

/** The settings under which the rust-analyzer extension starts Rusta. */
export function setUp(server: string, rusta: Readonly<Record<string, unknown>>): Write[] {
  return [
    { section: "rust-analyzer.server.path", value: server },
    { section: "rust-analyzer.rusta", value: Object.keys(rusta).length ? rusta : undefined },
  ];
}

/** The way back. A path that somebody has set since is left alone. */
export function undo(before: Before | undefined, now: string | undefined): Write[] {
  const writes: Write[] = [{ section: "rust-analyzer.rusta", value: undefined }];
  if (isRusta(now)) {
    const previous = isRusta(before?.serverPath) ? undefined : before?.serverPath;
    writes.unshift({ section: "rust-analyzer.server.path", value: previous });
  }
  return writes;
}
