/** Tells the server what a person made of a fix: accepted, undone or ignored. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import { Followed, type Applied } from "./followed";

export type Verdict = "accepted" | "undone" | "ignored";

/** Follows the fixes that were applied in this window. */
export class Feedback implements vscode.Disposable {
  private readonly followed = new Followed();
  private readonly changedEmitter = new vscode.EventEmitter<readonly Applied[]>();
  private readonly listening: vscode.Disposable;

  /** Fires when a fix was applied or taken back. */
  readonly onChange = this.changedEmitter.event;

  constructor(
    private readonly connection: () => Connection | undefined,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.listening = vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (document.languageId !== "rust" || this.followed.newest === undefined) return;
      const undone = this.followed.changed(document.uri.toString(), document.getText());
      if (undone) this.heard(undone.fix, "undone");
    });
  }

  get applied(): readonly Applied[] {
    return this.followed.all;
  }

  accepted(one: Applied): void {
    this.followed.add(one);
    this.heard(one.fix, "accepted");
  }

  ignored(fix: number): void {
    this.heard(fix, "ignored");
  }

  /** Put back the texts from before a fix; whether that was possible. */
  async takeBack(fix: number): Promise<boolean> {
    const one = this.followed.all.find((applied) => applied.fix === fix);
    if (!one) return false;
    const edit = new vscode.WorkspaceEdit();
    for (const [file, { before, after }] of one.texts) {
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(file));
      if (document.getText() !== after) {
        void vscode.window.showWarningMessage(
          `Rusta: ${vscode.workspace.asRelativePath(document.uri)} was changed since; undo there by hand.`,
        );
        return false;
      }
      const end = document.lineAt(document.lineCount - 1).rangeIncludingLineBreak.end;
      edit.replace(document.uri, new vscode.Range(new vscode.Position(0, 0), end), before);
    }
    return vscode.workspace.applyEdit(edit);
  }

  dispose(): void {
    this.listening.dispose();
    this.changedEmitter.dispose();
  }

  private heard(fix: number, what: Verdict): void {
    this.changedEmitter.fire(this.followed.all);
    const keep = vscode.workspace.getConfiguration("rusta").get<boolean>("keepFeedback", false);
    this.connection()
      ?.request("rusta/feedback", { fix, what, keep })
      .catch((error: unknown) => this.log.debug(`feedback on fix ${fix} was not taken: ${String(error)}`));
  }
}
