/** The view beside the editor in which a cited page is read. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Connection } from "./connection";
import { isPage, SHOW_PAGE, type Origin } from "./links";
import { OPEN_IN_BROWSER, pageDocument, type Page, type SourceLine } from "./page";

export class Citations implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly connection: () => Connection | undefined,
  ) {}

  /** Show what a link leads to; with its origin, what is quoted there is marked. */
  showLink(link: string, origin: Origin | null): Promise<void> {
    const place = origin && { textDocument: { uri: origin.uri }, position: origin };
    return this.show({ link, ...place });
  }

  /** Show what an anchor quotes. */
  showAnchor(id: string): Promise<void> {
    return this.show({ id });
  }

  async openInBrowser(link: string): Promise<void> {
    if (isPage(link)) await vscode.env.openExternal(vscode.Uri.parse(link));
  }

  dispose(): void {
    this.panel?.dispose();
  }

  private async show(params: object): Promise<void> {
    const connection = this.connection();
    if (!connection) {
      void vscode.window.showWarningMessage("Rusta: the server does not run, so there is nothing to cite from.");
      return;
    }
    try {
      const answer = await connection.request<Page | SourceLine>("rusta/page", params);
      if (answer.kind === "source") await showLine(answer);
      else this.showPage(answer);
    } catch (error) {
      void vscode.window.showWarningMessage(`Rusta: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private showPage(page: Page): void {
    const panel = this.panel ?? this.create();
    const media = vscode.Uri.joinPath(this.context.extensionUri, "media");
    const { webview } = panel;
    webview.options = {
      enableScripts: true, // ours alone, by its nonce; the page's own were left out by the server
      enableCommandUris: [SHOW_PAGE, OPEN_IN_BROWSER],
      localResourceRoots: [media, vscode.Uri.parse(page.folder)],
    };
    panel.title = page.title;
    webview.html = pageDocument(page, {
      nonce: randomBytes(16).toString("base64url"),
      source: webview.cspSource,
      style: webview.asWebviewUri(vscode.Uri.joinPath(media, "page.css")).toString(),
      local: (uri) => webview.asWebviewUri(vscode.Uri.parse(uri)).toString(),
    });
    panel.reveal(panel.viewColumn, true);
  }

  private create(): vscode.WebviewPanel {
    const panel = vscode.window.createWebviewPanel(
      "rusta.citation",
      "Rusta",
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableFindWidget: true },
    );
    panel.onDidDispose(() => (this.panel = undefined));
    this.panel = panel;
    return panel;
  }
}

async function showLine({ uri, line }: SourceLine): Promise<void> {
  const at = new vscode.Position(line, 0);
  await vscode.window.showTextDocument(vscode.Uri.parse(uri), {
    viewColumn: vscode.ViewColumn.Beside,
    selection: new vscode.Range(at, at),
    preserveFocus: true,
  });
}
