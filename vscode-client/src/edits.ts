/** VS Code's edits in the plain terms of `size` and `followed`, and their texts. */

import * as vscode from "vscode";
import type { Change } from "./size";

/** The changes of all files. */
export function changesOf(edit: vscode.WorkspaceEdit): Change[] {
  return edit.entries().flatMap(([uri, edits]) =>
    edits.map((one) => ({
      file: uri.toString(),
      startLine: one.range.start.line,
      endLine: one.range.end.line,
      newText: one.newText,
    })),
  );
}

/** The texts of every file that an edit touches, before and after it. */
export async function textsOf(edit: vscode.WorkspaceEdit): Promise<Map<string, { before: string; after: string }>> {
  const texts = new Map<string, { before: string; after: string }>();
  for (const [uri, edits] of edit.entries()) {
    const document = await vscode.workspace.openTextDocument(uri);
    const before = document.getText();
    const placed = edits
      .map((one) => ({
        start: document.offsetAt(one.range.start),
        end: document.offsetAt(one.range.end),
        text: one.newText,
      }))
      .sort((one, other) => other.start - one.start || other.end - one.end);
    let after = before;
    for (const { start, end, text } of placed) after = after.slice(0, start) + text + after.slice(end);
    texts.set(uri.toString(), { before, after });
  }
  return texts;
}
