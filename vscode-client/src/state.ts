/** What the status bar says, as a function of what is known. */

/** As the server answers `rusta/status`. */
export interface ServerStatus {
  readonly trusted: boolean;
  readonly analyzer: "running" | "restarting" | "failed";
  readonly failure: string | null;
  readonly searching: boolean;
  readonly ready: number;
  readonly citations: "off" | "loading" | "ready" | "none";
}

/** As rust-analyzer sends `experimental/serverStatus`. */
export interface AnalyzerStatus {
  readonly health: "ok" | "warning" | "error";
  readonly quiescent: boolean;
  readonly message?: string;
}

/** All that is known. */
export interface Known {
  readonly phase: "stopped" | "missing" | "starting" | "running" | "broken";
  readonly problem?: string | undefined;
  readonly server?: ServerStatus | undefined;
  readonly analyzer?: AnalyzerStatus | undefined;
  readonly isChecking?: boolean;
  readonly isUnder?: boolean;
}

export type Level = "normal" | "warning" | "error";

/** What is shown. */
export interface Shown {
  readonly name: "stopped" | "starting" | "indexing" | "checking" | "ready" | "degraded";
  readonly text: string;
  readonly detail: string;
  readonly level: Level;
}

/** The most urgent of what is known. */
export function shown(known: Known): Shown {
  const degraded = (detail: string, level: Level): Shown => ({
    name: "degraded",
    text: "$(warning) Rusta",
    detail,
    level,
  });
  switch (known.phase) {
    case "stopped":
      return { name: "stopped", text: "$(circle-slash) Rusta", detail: known.problem ?? "stopped", level: "normal" };
    case "missing":
      return degraded(known.problem ?? "the server was not found", "error");
    case "broken":
      return degraded(known.problem ?? "the server does not run", "error");
    case "starting":
      return { name: "starting", text: "$(loading~spin) Rusta", detail: "starting", level: "normal" };
    case "running":
      return running(known, degraded);
  }
}

function running(known: Known, degraded: (detail: string, level: Level) => Shown): Shown {
  const { server, analyzer } = known;
  if (server && !server.trusted) return degraded("the folder is not trusted: only citations", "normal");
  if (server?.analyzer === "failed") return degraded(server.failure ?? "rust-analyzer does not run", "error");
  if (server?.analyzer === "restarting") return busy("starting", "rust-analyzer is starting again");
  if (analyzer && !analyzer.quiescent) return busy("indexing", "rust-analyzer is indexing");
  if (server?.searching) return busy("checking", "looking for fixes");
  if (known.isChecking) return busy("checking", "cargo is checking");
  const n = server?.ready ?? 0;
  const fixes = n === 0 ? "ready" : n === 1 ? "1 proven fix waits" : `${n} proven fixes wait`;
  if (analyzer && analyzer.health !== "ok") {
    const reason = analyzer.message ?? "rust-analyzer is not well";
    const told = degraded(n === 0 ? reason : `${fixes}; ${reason}`, analyzer.health === "error" ? "error" : "warning");
    return n === 0 ? told : { ...told, text: `${told.text} ${n}` };
  }
  if (server?.citations === "loading") return busy("indexing", "opening the documentation");
  const without = server?.citations === "none" ? "; no documentation to cite from" : "";
  return {
    name: "ready",
    text: n === 0 ? "$(check) Rusta" : `$(lightbulb) Rusta ${n}`,
    detail: fixes + without + (known.isUnder ? "; under the rust-analyzer extension" : ""),
    level: "normal",
  };
}

function busy(name: "starting" | "indexing" | "checking", detail: string): Shown {
  return { name, text: "$(loading~spin) Rusta", detail, level: "normal" };
}
