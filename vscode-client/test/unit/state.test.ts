import assert from "node:assert/strict";
import { test } from "node:test";
import { shown, type Known, type ServerStatus } from "../../src/state";

const server: ServerStatus = {
  trusted: true,
  analyzer: "running",
  failure: null,
  searching: false,
  ready: 0,
  citations: "ready",
};
const running = (more: Partial<Known>): Known => ({ phase: "running", server, analyzer: { health: "ok", quiescent: true }, ...more });

test("each state has its name", () => {
  const names = (known: Known): string => shown(known).name;
  assert.equal(names({ phase: "starting" }), "starting");
  assert.equal(names({ phase: "missing" }), "degraded");
  assert.equal(names(running({ analyzer: { health: "ok", quiescent: false } })), "indexing");
  assert.equal(names(running({ server: { ...server, searching: true } })), "checking");
  assert.equal(names(running({ isChecking: true })), "checking");
  assert.equal(names(running({ server: { ...server, citations: "loading" } })), "indexing");
  assert.equal(names(running({})), "ready");
});

test("what is degraded says why", () => {
  const failed = shown(running({ server: { ...server, analyzer: "failed", failure: "no rust-analyzer" } }));
  assert.deepEqual([failed.name, failed.detail, failed.level], ["degraded", "no rust-analyzer", "error"]);
  const warned = shown(running({ analyzer: { health: "warning", quiescent: true, message: "no Cargo.toml" } }));
  assert.deepEqual([warned.name, warned.detail, warned.level], ["degraded", "no Cargo.toml", "warning"]);
  const untrusted = shown(running({ server: { ...server, trusted: false, analyzer: "failed" } }));
  assert.match(untrusted.detail, /only citations/);
  assert.equal(untrusted.level, "normal");
});

test("the fixes that wait are counted", () => {
  assert.match(shown(running({ server: { ...server, ready: 3 } })).text, /3/);
  assert.match(shown(running({ server: { ...server, ready: 1 } })).detail, /^1 proven fix waits/);
});

test("a warning of rust-analyzer's does not hide the fixes that wait", () => {
  const known = running({ server: { ...server, ready: 2 }, analyzer: { health: "warning", quiescent: true, message: "no macros" } });
  assert.deepEqual([shown(known).text, shown(known).detail], ["$(warning) Rusta 2", "2 proven fixes wait; no macros"]);
});
