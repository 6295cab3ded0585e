import assert from "node:assert/strict";
import { test } from "node:test";
import { abstains, chip, diffLines, gist, type Step } from "../../webview/steps";

const step = (changed: Partial<Step>): Step => ({
  seq: 0,
  kind: "decide",
  what: "offer",
  span: null,
  input: null,
  output: null,
  input_sha: null,
  output_sha: null,
  citations: [],
  p: null,
  tau: null,
  decision: null,
  t: 0,
  ...changed,
});

test("holding back is told apart from failing", () => {
  assert.deepEqual(["abstain", "guess", "refuse", "offer"].map((what) => abstains(step({ what }))), [true, true, true, false]);
});

test("the chip says how sure and whether that is enough", () => {
  assert.deepEqual(chip(step({ p: 0.9, tau: 0.7 })), { text: "p 0.90 · τ 0.70", isEnough: true });
  assert.deepEqual(chip(step({ p: 0.5, tau: 0.7 })), { text: "p 0.50 · τ 0.70", isEnough: false });
  assert.deepEqual(chip(step({ p: 0.5 })), { text: "p 0.50", isEnough: undefined });
  assert.equal(chip(step({})), undefined);
});

test("the gist of steps, also of strange ones", () => {
  const diagnostics = [{ level: "error", spans: [{}] }, { level: "error", spans: [] }, { level: "warning", spans: [{}] }];
  assert.equal(gist(step({ kind: "probe", what: "cargo.check", output: { diagnostics } })), "1 error");
  assert.equal(gist(step({ what: "cargo.test", output: { n_passed: 3, n_failed: 0 } })), "3 passed, 0 failed");
  assert.equal(gist(step({ input: { title: "add mut", level: "V3" } })), "add mut [V3]");
  assert.equal(gist(step({ what: "try", input: { moves: [{ title: "a" }, { title: "b" }] } })), "a; b");
  for (const input of [null, 3, "text", [], { moves: 7 }]) assert.equal(typeof gist(step({ what: "try", input })), "string");
});

test("the lines of a diff by their kind", () => {
  const lines = diffLines(step({ kind: "patch", input: { diff: "@@ -1 +1 @@\n-a\n+b\n c" } }));
  assert.deepEqual(lines.map((line) => line.kind), ["hunk", "del", "add", ""]);
});
