/** Shows a fix as a diff before it is applied, and lets a person decide. */

import * as vscode from "vscode";
import { changesOf, textsOf } from "./edits";
import type { Feedback } from "./feedback";
import { described, sizeOf } from "./size";

export const SCHEME = "rusta-preview";
const CONTEXT = "rusta.isPreviewing";
const LABEL = "Rusta: ";

/** A fix that waits for a decision. */
export interface Proposed {
  /** Its number at the server; undefined for one that it does not keep. */
  readonly fix: number | undefined;
  readonly title: string;
  readonly edit: vscode.WorkspaceEdit;
}

/** By file: the texts before and after. */
type Texts = Awaited<ReturnType<typeof textsOf>>;

export class Previews implements vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly provider: vscode.Disposable;
  private waiting: { readonly proposed: Proposed; readonly texts: Texts } | undefined;
  private number = 0;
  private readonly closing: vscode.Disposable;

  constructor(private readonly feedback: Feedback) {
    this.provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => this.texts.get(uri.toString()) ?? "",
    });
    // Closing the diff is a decision, too.
    this.closing = vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
      if (this.waiting && closed.some((tab) => this.isCurrent(tab))) void this.discard();
    });
  }

  /** Open the diff; what happens next is up to `accept` and `discard`. */
  async show(proposed: Proposed): Promise<void> {
    await this.discard();
    this.number += 1;
    const pairs: [vscode.Uri, vscode.Uri][] = [];
    const texts = await textsOf(proposed.edit);
    for (const [file, { after }] of texts) {
      const original = vscode.Uri.parse(file);
      const shown = original.with({ scheme: SCHEME, query: String(this.number) });
      this.texts.set(shown.toString(), after);
      pairs.push([original, shown]);
    }
    this.waiting = { proposed, texts };
    await vscode.commands.executeCommand("setContext", CONTEXT, true);
    const title = `${LABEL}${proposed.title}`;
    const [first] = pairs;
    if (first && pairs.length === 1) {
      await vscode.commands.executeCommand("vscode.diff", first[0], first[1], title, { preview: true });
    } else {
      const resources = pairs.map(([original, shown]) => [original, original, shown]);
      await vscode.commands.executeCommand("vscode.changes", title, resources);
    }
    void this.ask(proposed);
  }

  async accept(): Promise<void> {
    const { waiting } = this;
    if (!waiting) return;
    this.waiting = undefined;
    await this.apply(waiting.proposed, waiting.texts);
    await this.close();
  }

  async discard(): Promise<void> {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting?.proposed.fix !== undefined) this.feedback.ignored(waiting.proposed.fix);
    await this.close();
  }

  /** Apply a fix and follow what becomes of it; not if a text is no longer the one that was shown. */
  async apply(proposed: Proposed, shown?: Texts): Promise<void> {
    const texts = await textsOf(proposed.edit);
    const isSame = !shown || [...texts].every(([file, { before }]) => shown.get(file)?.before === before);
    if (!isSame || !(await vscode.workspace.applyEdit(proposed.edit))) {
      void vscode.window.showWarningMessage(`Rusta: “${proposed.title}” was not applied; the text has changed.`);
      return;
    }
    if (proposed.fix !== undefined) this.feedback.accepted({ fix: proposed.fix, title: proposed.title, texts });
  }

  dispose(): void {
    this.provider.dispose();
    this.closing.dispose();
  }

  private async ask(proposed: Proposed): Promise<void> {
    const size = described(sizeOf(changesOf(proposed.edit)));
    const choice = await vscode.window.showInformationMessage(
      `${proposed.title}: ${size}. Apply it?`,
      "Apply",
      "Discard",
    );
    if (this.waiting?.proposed !== proposed) return; // decided by other means
    if (choice === "Apply") await this.accept();
    else if (choice === "Discard") await this.discard();
  }

  /** Whether a tab shows the fix that waits, and not one before it. */
  private isCurrent(tab: vscode.Tab): boolean {
    if (tab.input instanceof vscode.TabInputTextDiff) return tab.input.modified.query === String(this.number) && isPreview(tab);
    return isPreview(tab) && tab.label === `${LABEL}${this.waiting?.proposed.title ?? ""}`;
  }

  private async close(): Promise<void> {
    await vscode.commands.executeCommand("setContext", CONTEXT, false);
    const tabs = openTabs();
    if (tabs.length) await vscode.window.tabGroups.close(tabs);
    this.texts.clear();
  }
}

function openTabs(): vscode.Tab[] {
  return vscode.window.tabGroups.all.flatMap((group) => group.tabs.filter(isPreview));
}

function isPreview(tab: vscode.Tab): boolean {
  const { input } = tab;
  if (input instanceof vscode.TabInputTextDiff) return input.modified.scheme === SCHEME;
  // A diff of several files has no public type of its own yet; its label is ours.
  return input === undefined && tab.label.startsWith(LABEL);
}
