/** Searching on demand, and repairing a whole file. The server shows how far it is, with a way to cancel. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import { changesOf } from "./edits";
import type { Previews, Proposed } from "./preview";
import { sizeOf, wantsPreview } from "./size";

export const FIX_ALL = vscode.CodeActionKind.SourceFixAll.append("rusta");
const MEANING: Readonly<Record<string, string>> = {
  V1: "V1: the error is gone",
  V2: "V2: compiles",
  V3: "V3: tests green",
};

/** As the server answers `rusta.proposePatch`. */
interface Offer {
  readonly fix?: number;
  readonly title: string;
  readonly level: string;
  readonly confidence?: number;
  readonly guess: boolean;
  readonly next?: string | null;
  readonly code: string | null;
  readonly edit: unknown;
}

/** As it answers `rusta/fixAll`; without an edit the reason why not. */
interface FixedAll {
  readonly edit: unknown;
  readonly title: string;
  readonly level: string;
  readonly reason: string | null;
}

/** Search at the cursor, or in the workspace, and let a person choose. */
export async function search(
  connection: Connection,
  previews: Previews,
  editor: vscode.TextEditor | undefined,
  openTimeline: () => void,
): Promise<void> {
  const where = editor && {
    textDocument: { uri: editor.document.uri.toString() },
    position: { line: editor.selection.active.line, character: editor.selection.active.character },
  };
  const { offers } = await connection.command<{ offers: readonly Offer[] }>("rusta.proposePatch", where ?? null);
  if (!offers.length) {
    const choice = await vscode.window.showInformationMessage(
      "Rusta: unknown. No fix was proven here.",
      "Show What Was Tried",
    );
    if (choice) openTimeline();
    return;
  }
  const items = await Promise.all(offers.map(async (offer) => ({ ...asItem(offer), edit: await connection.edit(offer.edit), offer })));
  const chosen = await vscode.window.showQuickPick(items, {
    title: offers.length === 1 ? "1 proven fix" : `${offers.length} proven fixes`,
    matchOnDescription: true,
  });
  if (chosen) await present(previews, { fix: chosen.offer.fix, title: chosen.offer.title, edit: chosen.edit });
}

/** Apply a small fix, show a big one first. */
export async function present(previews: Previews, proposed: Proposed): Promise<void> {
  const most = vscode.workspace.getConfiguration("rusta").get<number>("previewLines", 5);
  if (wantsPreview(sizeOf(changesOf(proposed.edit)), most)) await previews.show(proposed);
  else await previews.apply(proposed);
}

/** Repair everything in a file that can be proven, together. */
export async function fixFile(connection: Connection, previews: Previews, document: vscode.TextDocument): Promise<void> {
  const found = await fixedAll(connection, document, false);
  if (found.reason !== null) {
    void vscode.window.showInformationMessage(`Rusta: ${found.reason}.`);
    return;
  }
  const edit = await connection.edit(found.edit);
  await present(previews, { fix: undefined, title: `${found.title} [${MEANING[found.level] ?? found.level}]`, edit });
}

/** `source.fixAll.rusta`, for those who name it in `editor.codeActionsOnSave`. */
export class FixAllProvider implements vscode.CodeActionProvider {
  constructor(private readonly connection: () => Connection | undefined) {}

  async provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    context: vscode.CodeActionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeAction[]> {
    const connection = this.connection();
    // Only where somebody asks for this very kind: it runs the compiler.
    if (!connection || !context.only || !FIX_ALL.contains(context.only)) return [];
    const found = await fixedAll(connection, document, true, token);
    if (found.reason !== null) return [];
    const action = new vscode.CodeAction(found.title, FIX_ALL);
    action.edit = await connection.edit(found.edit);
    return [action];
  }
}

function fixedAll(
  connection: Connection,
  document: vscode.TextDocument,
  onlyHere: boolean,
  token?: vscode.CancellationToken,
): Promise<FixedAll> {
  const params = { textDocument: { uri: document.uri.toString() }, onlyHere };
  return connection.request<FixedAll>("rusta/fixAll", params, token);
}

function asItem(offer: Offer): vscode.QuickPickItem {
  const sure = offer.confidence === undefined ? "" : ` · ${Math.round(offer.confidence * 100)} %`;
  const guess = offer.guess ? ", a guess" : "";
  const next = offer.next ? `Next: ${offer.next}` : undefined;
  return {
    label: `$(${offer.guess ? "question" : "verified"}) ${offer.title}`,
    description: `${MEANING[offer.level] ?? offer.level}${sure}${guess}`,
    ...(next === undefined ? {} : { detail: next }),
  };
}

