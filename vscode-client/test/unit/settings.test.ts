import assert from "node:assert/strict";
import { test } from "node:test";
import { explicit, initializationOptions, serverSettings } from "../../src/settings";

test("the server gets its own settings and none of the client's", () => {
  const contributed = ["rusta.level", "rusta.server.path", "rusta.setup", "rusta.trace.server", "rust-analyzer.rusta", "rusta.maxLines"];
  assert.deepEqual(serverSettings(contributed), ["level", "maxLines"]);
});

test("only what somebody has set is sent, so that the project's file counts for the rest", () => {
  const inspected: Record<string, object> = {
    level: { defaultValue: "v1" },
    maxLines: { defaultValue: 20, globalValue: 10, workspaceValue: 5 },
    sandbox: { defaultValue: true, globalValue: false },
    cacheDir: { globalValue: null },
  };
  assert.deepEqual(explicit(Object.keys(inspected), (name) => inspected[name]), { maxLines: 5, sandbox: false });
});

test("a folder that is not trusted is never called trusted, whatever is set", () => {
  const options = initializationOptions({ check: { command: "clippy" } }, { trusted: true, level: "v2" }, false);
  assert.deepEqual(options, { check: { command: "clippy" }, rusta: { trusted: false, level: "v2" } });
});
