/** What the timeline and the extension say to each other. */

import type { Step } from "./steps";

export interface Trace {
  readonly id: string;
  readonly what: string | null;
  readonly outcome: string | null;
}

/** A fix that was applied in this window and can be taken back. */
export interface AppliedFix {
  readonly fix: number;
  readonly title: string;
}

export type ToView =
  | { readonly type: "traces"; readonly traces: readonly Trace[]; readonly next: string | null; readonly at: "top" | "end" | "all" }
  | { readonly type: "opened"; readonly id: string }
  | { readonly type: "steps"; readonly id: string; readonly steps: readonly Step[] }
  | { readonly type: "live"; readonly isLive: boolean }
  | { readonly type: "replayed"; readonly id: string; readonly isSame: boolean; readonly text: string }
  | { readonly type: "payload"; readonly seq: number; readonly text: string }
  | { readonly type: "applied"; readonly fixes: readonly AppliedFix[] }
  | { readonly type: "problem"; readonly text: string };

export type FromView =
  | { readonly type: "ready" }
  | { readonly type: "open"; readonly id: string }
  | { readonly type: "more"; readonly before: string }
  | { readonly type: "replay"; readonly id: string }
  | { readonly type: "takeBack"; readonly fix: number | null }
  | { readonly type: "payload"; readonly seq: number; readonly input: string | null; readonly output: string | null }
  | { readonly type: "citation"; readonly id: string };
