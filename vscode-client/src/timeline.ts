/** The timeline of traces: lists them, follows the open one while it is written, replays, takes back. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { FromView, ToView, Trace } from "../webview/messages";
import type { Step } from "../webview/steps";
import type { Connection } from "./connection";
import type { Feedback } from "./feedback";

const WAIT_MS = 20_000;
const PAUSE_MS = 1_000;
const ENDINGS = new Set(["result", "abstain"]);

interface TracePage {
  readonly traces: readonly Trace[];
  readonly next: string | null;
}

interface StepsPage {
  readonly steps: readonly Step[];
  readonly next: number;
}

interface Replayed {
  readonly n_same: number;
  readonly difference: string | null;
}

/** What the timeline asks of the rest of the extension. */
export interface Around {
  readonly connection: () => Connection | undefined;
  readonly feedback: Feedback;
  readonly showAnchor: (id: string) => Promise<void>;
  readonly takeBack: (fix: number | null) => Promise<void>;
}

export class Timeline implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private listing = new vscode.CancellationTokenSource();
  private following = new vscode.CancellationTokenSource();
  private newest: string | undefined;
  private wanted: string | undefined;
  private openId: string | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly around: Around,
  ) {}

  /** Open the view; with an id at that trace, else at the newest. */
  show(id?: string): void {
    this.wanted = id;
    if (this.panel) {
      this.panel.reveal(undefined, true);
      if (id !== undefined) this.open(id);
      return;
    }
    const media = vscode.Uri.joinPath(this.context.extensionUri, "media");
    const dist = vscode.Uri.joinPath(this.context.extensionUri, "dist");
    const panel = vscode.window.createWebviewPanel(
      "rusta.timeline",
      "Rusta: Traces",
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, localResourceRoots: [media, dist], retainContextWhenHidden: true },
    );
    this.panel = panel;
    const changed = this.around.feedback.onChange(() => this.sendApplied());
    panel.onDidDispose(() => {
      changed.dispose();
      this.stop();
      this.panel = undefined;
    });
    panel.webview.onDidReceiveMessage((message: FromView) => void this.heard(message));
    panel.webview.html = this.document(panel.webview, media, dist);
  }

  dispose(): void {
    this.stop();
    this.panel?.dispose();
  }

  private stop(): void {
    this.listing.cancel();
    this.following.cancel();
    this.newest = this.openId = undefined;
  }

  private async heard(message: FromView): Promise<void> {
    try {
      await this.answer(message);
    } catch (error) {
      this.send({ type: "problem", text: error instanceof Error ? error.message : String(error) });
    }
  }

  private async answer(message: FromView): Promise<void> {
    switch (message.type) {
      case "ready":
        this.sendApplied();
        this.listing.cancel();
        this.listing = new vscode.CancellationTokenSource();
        await this.list(this.listing.token);
        break;
      case "open":
        this.open(message.id);
        break;
      case "more": {
        const page = await this.ask<TracePage>("rusta/traces", { before: message.before });
        this.send({ type: "traces", ...page, at: "end" });
        break;
      }
      case "replay": {
        const told = await this.connection().command<Replayed>("rusta.replayTrace", message.id);
        const text = told.difference ?? `the same again: ${told.n_same} decisions`;
        this.send({ type: "replayed", id: message.id, isSame: told.difference === null, text });
        break;
      }
      case "takeBack":
        await this.around.takeBack(message.fix);
        break;
      case "payload": {
        const whole = async (sha: string | null): Promise<unknown> => sha && (await this.ask("rusta/payload", { sha }));
        const told = { input: await whole(message.input), output: await whole(message.output) };
        this.send({ type: "payload", seq: message.seq, text: JSON.stringify(told, null, 2) });
        break;
      }
      case "citation":
        await this.around.showAnchor(message.id);
    }
  }

  /** List the traces, then wait for new ones; a new one is opened if the newest was open. */
  private async list(token: vscode.CancellationToken): Promise<void> {
    const page = await this.ask<TracePage>("rusta/traces", {});
    this.send({ type: "traces", ...page, at: "all" });
    this.newest = page.traces[0]?.id;
    const first = this.wanted ?? this.newest;
    if (first !== undefined) this.open(first);
    while (!isOver(token)) {
      const added = await this.patiently(() =>
        this.ask<TracePage>("rusta/traces", { after: this.newest, waitMs: WAIT_MS }, token),
      );
      const newest = added?.traces[0];
      if (isOver(token)) return;
      if (!added || !newest) continue;
      const isFollowing = this.openId === this.newest || this.openId === undefined;
      this.newest = newest.id;
      this.send({ type: "traces", traces: added.traces, next: null, at: "top" });
      if (isFollowing) this.open(newest.id);
    }
  }

  private open(id: string): void {
    this.following.cancel();
    this.following = new vscode.CancellationTokenSource();
    this.openId = id;
    this.send({ type: "opened", id });
    void this.follow(id, this.following.token);
  }

  private async follow(id: string, token: vscode.CancellationToken): Promise<void> {
    let next = 0;
    while (!isOver(token)) {
      const page = await this.patiently(() =>
        this.ask<StepsPage>("rusta/trace", { id, from: next, waitMs: next ? WAIT_MS : 0 }, token),
      );
      if (isOver(token)) return;
      if (!page) continue;
      next = page.next;
      if (page.steps.length) this.send({ type: "steps", id, steps: page.steps });
      const last = page.steps.at(-1);
      if (last) this.send({ type: "live", isLive: !ENDINGS.has(last.what) && last.kind !== "patch" });
    }
  }

  /** The answer; after a failure nothing, a while later, so that nobody asks in a hurry. */
  private async patiently<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return undefined;
    }
  }

  private ask<Result>(method: string, params: unknown, token?: vscode.CancellationToken): Promise<Result> {
    return this.connection().request<Result>(method, params, token);
  }

  private connection(): Connection {
    const connection = this.around.connection();
    if (!connection) throw new Error("the server does not run");
    return connection;
  }

  private sendApplied(): void {
    this.send({ type: "applied", fixes: this.around.feedback.applied.map(({ fix, title }) => ({ fix, title: bare(title) })) });
  }

  private send(message: ToView): void {
    void this.panel?.webview.postMessage(message);
  }

  private document(webview: vscode.Webview, media: vscode.Uri, dist: vscode.Uri): string {
    const nonce = randomBytes(16).toString("base64url");
    const style = webview.asWebviewUri(vscode.Uri.joinPath(media, "timeline.css")).toString();
    const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, "timeline.js")).toString();
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'; form-action 'none'; base-uri 'none'">
<link rel="stylesheet" href="${style}">
<title>Traces</title>
</head>
<body>
<div class="columns">
<nav aria-label="Traces"><h2>Traces</h2><p id="empty" class="empty" hidden>None yet: a search leaves one.</p><ol id="traces"></ol><button id="more" hidden>older</button></nav>
<main>
<div id="head" hidden><span id="title"></span><span id="live" hidden>live</span><button id="replay">Replay</button><span id="result" role="status"></span></div>
<p id="problem" role="alert"></p>
<ol id="steps" aria-live="polite"></ol>
</main>
</div>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
  }
}

/** A fix's title without the level of proof behind it: as the trace has it. */
function bare(title: string): string {
  return title.replace(/ \[[^\]]*\]$/, "");
}

/** A call, so that nobody takes the answer from before an `await` for the one after it. */
function isOver(token: vscode.CancellationToken): boolean {
  return token.isCancellationRequested;
}
