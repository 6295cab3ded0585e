/** A folder that is not trusted: nothing of it is run. */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Tests } from "./index";
import { until } from "./waiting";

export const untrusted: Tests = {
  "the server runs nothing, and says so": async ({ server }) => {
    assert.equal(vscode.workspace.isTrusted, false);
    const status = await until("the server's state", () => server.state.server);
    assert.equal(status.trusted, false);
    assert.equal(status.analyzer, "failed");
    return undefined;
  },

  "no program of the folder is even looked at": async ({ server }) => {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? assert.fail();
    assert.deepEqual((server.found?.probed ?? []).filter((one) => one.path.startsWith(folder)), []);
    return Promise.resolve(undefined);
  },

  "a search is refused in words": async ({ server }) => {
    const connection = await until("a connection", () => server.connection);
    await assert.rejects(connection.command("rusta.proposePatch", null), /not trusted/);
    return undefined;
  },
};
