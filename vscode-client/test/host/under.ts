/** Beside the rust-analyzer extension (a stand-in with its id, settings and API). */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Tests } from "./index";
import { until } from "./waiting";

const serverPath = (): string | null | undefined => vscode.workspace.getConfiguration("rust-analyzer").get("server.path");

export const under: Tests = {
  "beside rust-analyzer no second server is started": async ({ server }) => {
    assert.equal(server.decision, "ask");
    assert.equal(server.connection, undefined);
    assert.match(server.state.problem ?? "", /rust-analyzer extension is active/);
    return Promise.resolve(undefined);
  },

  "set up, the rust-analyzer extension starts Rusta, and the views reach it": async ({ server }) => {
    await vscode.workspace.getConfiguration("rusta").update("maxLines", 12, vscode.ConfigurationTarget.Global);
    await vscode.commands.executeCommand("rusta.setUpUnder");
    const connection = await until("the server through the neighbour", () => server.connection);
    assert.equal(server.decision, "under");
    assert.match(serverPath() ?? "", /\/rusta$/);
    assert.deepEqual(vscode.workspace.getConfiguration("rust-analyzer").get<{ maxLines?: number }>("rusta")?.maxLines, 12);
    const traces = await connection.request<{ traces: unknown[] }>("rusta/traces", {});
    assert.ok(Array.isArray(traces.traces));
    return undefined;
  },

  "undone, everything is as it was": async ({ server }) => {
    await vscode.commands.executeCommand("rusta.undoSetUp");
    assert.match(serverPath() ?? "", /rust-analyzer$/);
    assert.deepEqual(vscode.workspace.getConfiguration("rust-analyzer").get("rusta"), {});
    assert.equal(server.decision, "ask");
    return undefined;
  },
};
