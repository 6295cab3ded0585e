/** Taking back what Rusta did: fixes that were applied in this window, and patches that it wrote itself. */

import * as vscode from "vscode";
import type { Connection } from "./connection";
import type { Feedback } from "./feedback";

interface Patch {
  readonly id: string;
  readonly title: string;
  readonly paths: readonly string[];
  readonly timeMs: number;
}

interface Item extends vscode.QuickPickItem {
  readonly takeBack: () => Promise<unknown>;
}

/** Take back one fix by its number, or let a person choose. */
export async function takeBack(
  feedback: Feedback,
  connection: Connection | undefined,
  fix: number | null,
): Promise<void> {
  if (fix !== null) {
    await feedback.takeBack(fix);
    return;
  }
  const items: Item[] = [...feedback.applied].reverse().map((one) => ({
    label: one.title,
    description: "applied in this window",
    takeBack: () => feedback.takeBack(one.fix),
  }));
  if (connection) {
    const { patches } = await connection.request<{ patches: readonly Patch[] }>("rusta/patches", {});
    for (const patch of patches) {
      items.push({
        label: patch.title || patch.id,
        description: `written ${new Date(patch.timeMs).toLocaleString()}`,
        detail: patch.paths.join(", "),
        takeBack: () => connection.command("rusta.revert", patch.id),
      });
    }
  }
  if (!items.length) {
    void vscode.window.showInformationMessage("Rusta: there is nothing to take back here.");
    return;
  }
  const chosen = await vscode.window.showQuickPick(items, { title: "Take back" });
  await chosen?.takeBack();
}
