/** What is changed on the way between the server and VS Code: order of fixes, previews, links to pages. */

import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { changesOf, textsOf } from "./edits";
import type { Applied } from "./followed";
import { commandLink, isPage, SHOW_PAGE, withPageLinks } from "./links";
import type { Proposed } from "./preview";
import { sizeOf, wantsPreview } from "./size";

export const PREVIEW = "rusta.previewFix";
export const APPLIED = "rusta.fixApplied";

/** @param onCheck - told when cargo's check begins and ends. */
export function middleware(onCheck: (isChecking: boolean) => void): Middleware {
  return {
    provideCodeActions: async (document, range, context, token, next) => {
      const actions = await next(document, range, context, token);
      return actions && verifiedFirst(actions);
    },
    resolveCodeAction: async (item, token, next) => {
      const resolved = await next(item, token);
      const fix = fixOf(item);
      if (!resolved?.edit || fix === undefined) return resolved;
      await followUp(resolved, resolved.edit, fix);
      return resolved;
    },
    provideHover: async (document, position, token, next) => {
      const hover = await next(document, position, token);
      if (!hover) return hover;
      const origin = { uri: document.uri.toString(), line: position.line, character: position.character };
      const contents = hover.contents.map((content) => {
        if (!(content instanceof vscode.MarkdownString)) return content;
        const linked = new vscode.MarkdownString(withPageLinks(content.value, origin), content.supportThemeIcons ?? false);
        linked.isTrusted = { enabledCommands: [SHOW_PAGE] };
        if (content.supportHtml !== undefined) linked.supportHtml = content.supportHtml;
        return linked;
      });
      return new vscode.Hover(contents, hover.range);
    },
    handleDiagnostics: (uri, diagnostics, next) => {
      linkPages(uri, diagnostics);
      next(uri, diagnostics);
    },
    provideDiagnostics: async (document, previous, token, next) => {
      const report = await next(document, previous, token);
      if (report && "items" in report) linkPages(document instanceof vscode.Uri ? document : document.uri, report.items);
      return report;
    },
    handleWorkDoneProgress: (token, params, next) => {
      if (String(token).includes('flycheck')) onCheck(params.kind !== "end");
      next(token, params);
    },
  };
}

/** Codes lead to the cited page beside the editor. */
function linkPages(uri: vscode.Uri, diagnostics: vscode.Diagnostic[]): void {
  for (const diagnostic of diagnostics) {
    const { code } = diagnostic;
    if (typeof code !== "object") continue;
    const target = code.target.toString(true);
    if (!isPage(target)) continue;
    const { line, character } = diagnostic.range.start;
    const link = commandLink(target, { uri: uri.toString(), line, character });
    diagnostic.code = { value: code.value, target: vscode.Uri.parse(link) };
  }
}

/** Whether an action is one of Rusta's; its number then. */
function fixOf(action: vscode.CodeAction | vscode.Command): number | undefined {
  const data = (action as { data?: { rusta?: unknown } | null }).data;
  return typeof data?.rusta === "number" ? data.rusta : undefined;
}

/**
 * Rusta's fixes before rust-analyzer's. Where one of them is preferred it is the only one: two preferred
 * actions would make the auto-fix key ask.
 */
function verifiedFirst(actions: (vscode.Command | vscode.CodeAction)[]): (vscode.Command | vscode.CodeAction)[] {
  const ours = actions.filter((action) => fixOf(action) !== undefined);
  const others = actions.filter((action) => fixOf(action) === undefined);
  if (ours.some((action) => (action as vscode.CodeAction).isPreferred)) {
    for (const action of others) if (action instanceof vscode.CodeAction) action.isPreferred = false;
  }
  return [...ours, ...others];
}

/** A small fix is applied and followed; a big one is shown first. */
async function followUp(action: vscode.CodeAction, edit: vscode.WorkspaceEdit, fix: number): Promise<void> {
  const most = vscode.workspace.getConfiguration("rusta").get<number>("previewLines", 5);
  if (wantsPreview(sizeOf(changesOf(edit)), most)) {
    delete action.edit;
    const proposed: Proposed = { fix, title: action.title, edit };
    action.command = { title: "Preview", command: PREVIEW, arguments: [proposed] };
  } else {
    const applied: Applied = { fix, title: action.title, texts: await textsOf(edit) };
    action.command = { title: "Applied", command: APPLIED, arguments: [applied] };
  }
}
