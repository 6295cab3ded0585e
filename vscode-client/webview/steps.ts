/** What the timeline says of a step. Knows no browser. */

/** A step of a trace, as far as the timeline looks at it; see schemas/trace.schema.json. */
export interface Step {
  readonly seq: number;
  readonly kind: "plan" | "probe" | "decide" | "patch";
  readonly what: string;
  readonly span: string | null;
  readonly input: unknown;
  readonly output: unknown;
  readonly input_sha: string | null;
  readonly output_sha: string | null;
  readonly citations: readonly string[];
  readonly p: number | null;
  readonly tau: number | null;
  readonly decision: string | null;
  readonly t: number;
}

/** Whether Rusta held back: that is a correct answer, and shown as one. */
export function abstains(step: Step): boolean {
  return ["abstain", "guess", "refuse"].includes(step.what);
}

/** How sure, against what threshold. */
export function chip(step: Step): { text: string; isEnough: boolean | undefined } | undefined {
  if (step.p === null) return undefined;
  const tau = step.tau === null ? "" : ` · τ ${step.tau.toFixed(2)}`;
  return { text: `p ${step.p.toFixed(2)}${tau}`, isEnough: step.tau === null ? undefined : step.p >= step.tau };
}

/** The point of a step in a few words. */
export function gist(step: Step): string {
  const input = record(step.input);
  const output = record(step.output);
  if (step.what === "try") return list(input.moves).map((move) => word(record(move).title)).join("; ");
  if (step.what === "cargo.check" && Array.isArray(output.diagnostics)) {
    const errors = output.diagnostics.map(record).filter((one) => one.level === "error" && list(one.spans).length);
    return errors.length === 1 ? "1 error" : `${errors.length} errors`;
  }
  if (step.what === "cargo.test" && typeof output.n_passed === "number") {
    return `${output.n_passed} passed, ${word(output.n_failed)} failed`;
  }
  if (["offer", "guess", "abstain"].includes(step.what) && input.title) {
    return `${word(input.title)} [${word(input.level)}]`;
  }
  return step.kind === "patch" ? word(input.title) : "";
}

/** The lines of a unified diff in a step, with what they are. */
export function diffLines(step: Step): { text: string; kind: "add" | "del" | "hunk" | "" }[] {
  const diff = record(step.input).diff;
  if (typeof diff !== "string") return [];
  return diff.split("\n").map((text) => ({
    text,
    kind: text.startsWith("@@") ? "hunk" : text.startsWith("+") ? "add" : text.startsWith("-") ? "del" : "",
  }));
}

/** What a trace is of, in words for the list. */
export function subject(what: string | null): string {
  const words: Record<string, string> = { serve: "search after a check", fixAll: "fix all", fix: "rusta fix" };
  return what === null ? "?" : (words[what] ?? what);
}

/** When a trace began, from its id, in the local time of whoever looks. */
export function began(id: string): string {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(id);
  if (!parts) return id;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  const date = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second));
  return date.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function word(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
