/** The way to the server: through our own client, or through that of the rust-analyzer extension. */

import type { CancellationToken, WorkspaceEdit } from "vscode";

/** What both language clients offer, as far as it is used here. */
export interface Client {
  sendRequest(method: string, params: unknown, token?: CancellationToken): Promise<unknown>;
  readonly protocol2CodeConverter: { asWorkspaceEdit(edit: unknown): Promise<WorkspaceEdit | undefined> };
}

export interface Connection {
  /** Ask the server; rejects with its words if it cannot answer. */
  request<Result>(method: string, params: unknown, token?: CancellationToken): Promise<Result>;
  /** Run one of the server's commands. */
  command<Result>(name: string, argument: unknown, token?: CancellationToken): Promise<Result>;
  /** An edit of the protocol as one of VS Code's. */
  edit(edit: unknown): Promise<WorkspaceEdit>;
}

export function connect(client: Client): Connection {
  const request = async <Result>(method: string, params: unknown, token?: CancellationToken): Promise<Result> =>
    (await (token ? client.sendRequest(method, params, token) : client.sendRequest(method, params))) as Result;
  return {
    request,
    command: (name, argument, token) =>
      request("workspace/executeCommand", { command: name, arguments: [argument] }, token),
    edit: async (edit) => {
      const converted = await client.protocol2CodeConverter.asWorkspaceEdit(edit);
      if (!converted) throw new Error("the server sent an empty edit");
      return converted;
    },
  };
}
