import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, isRusta, setUp, undo } from "../../src/setup";

test("without the rust-analyzer extension Rusta serves on its own", () => {
  assert.equal(decide("auto", { isInstalled: false, serverPath: undefined }), "own");
});

test("where that extension starts Rusta already, no second server is started", () => {
  for (const choice of ["auto", "own", "under"] as const) {
    assert.equal(decide(choice, { isInstalled: true, serverPath: "/venv/bin/rusta" }), "under");
  }
});

test("where that extension runs rust-analyzer, a person is asked, unless they have decided", () => {
  assert.equal(decide("auto", { isInstalled: true, serverPath: undefined }), "ask");
  assert.equal(decide("own", { isInstalled: true, serverPath: "/usr/bin/rust-analyzer" }), "own");
});

test("a program is Rusta by its name", () => {
  assert.equal(isRusta("/venv/bin/rusta"), true);
  assert.equal(isRusta("C:\\venv\\Scripts\\rusta.exe"), true);
  assert.equal(isRusta("/opt/rusta/bin/rust-analyzer"), false);
  assert.equal(isRusta(undefined), false);
});

test("what is set up is undone, to what it was before", () => {
  assert.deepEqual(setUp("/venv/bin/rusta", { level: "v2" }), [
    { section: "rust-analyzer.server.path", value: "/venv/bin/rusta" },
    { section: "rust-analyzer.rusta", value: { level: "v2" } },
  ]);
  assert.deepEqual(undo({ serverPath: "/mine/rust-analyzer" }, "/venv/bin/rusta"), [
    { section: "rust-analyzer.server.path", value: "/mine/rust-analyzer" },
    { section: "rust-analyzer.rusta", value: undefined },
  ]);
});

test("a path that somebody has set since stays", () => {
  assert.deepEqual(undo({ serverPath: undefined }, "/other/rust-analyzer"), [
    { section: "rust-analyzer.rusta", value: undefined },
  ]);
});
