/** The item in the status bar. */

import * as vscode from "vscode";
import { shown, type Known } from "./state";

const BACKGROUNDS = { normal: undefined, warning: "statusBarItem.warningBackground", error: "statusBarItem.errorBackground" };

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("rusta.status", vscode.StatusBarAlignment.Left, 0);

  constructor() {
    this.item.name = "Rusta";
    this.item.command = "rusta.menu";
    this.update({ phase: "stopped" });
    this.item.show();
  }

  update(known: Known): void {
    const { text, detail, level, name } = shown(known);
    this.item.text = text;
    this.item.tooltip = `Rusta: ${detail}`;
    this.item.accessibilityInformation = { label: `Rusta, ${name}: ${detail}` };
    const background = BACKGROUNDS[level];
    this.item.backgroundColor = background === undefined ? undefined : new vscode.ThemeColor(background);
  }

  dispose(): void {
    this.item.dispose();
  }
}
