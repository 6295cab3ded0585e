/** Rusta as a server of its own: a crate with one error is open. */

import * as assert from "node:assert/strict";
import * as vscode from "vscode";
import type { Tests } from "./index";
import { until } from "./waiting";

const SAMPLES = 20;

async function open(): Promise<vscode.TextDocument> {
  const folder = vscode.workspace.workspaceFolders?.[0] ?? assert.fail();
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder.uri, "src/parse.rs"));
  await vscode.window.showTextDocument(document);
  return document;
}

/** The place of the error. */
function place(document: vscode.TextDocument): vscode.Range {
  const at = document.positionAt(document.getText().indexOf("pos = Position::Minor"));
  return new vscode.Range(at, at);
}

async function actions(document: vscode.TextDocument, n = 0): Promise<vscode.CodeAction[]> {
  return vscode.commands.executeCommand("vscode.executeCodeActionProvider", document.uri, place(document), "quickfix", n);
}

const isOurs = (action: vscode.CodeAction): boolean => /\[V[123]: .* %/.test(action.title);

export const own: Tests = {
  "the server is found, started and well": async ({ server }) => {
    assert.equal(server.decision, "own");
    const known = await until("a running server", () => (server.state.server?.analyzer === "running" ? server.state : undefined));
    assert.equal(known.phase, "running");
    assert.match(server.found?.server?.where ?? "", /setting/);
    return undefined;
  },

  "every command of the manifest is there": async () => {
    const known = new Set(await vscode.commands.getCommands(true));
    const manifest = vscode.extensions.getExtension("rusta.rusta")?.packageJSON as {
      contributes: { commands: { command: string }[] };
    };
    assert.deepEqual(manifest.contributes.commands.map((one) => one.command).filter((name) => !known.has(name)), []);
    return undefined;
  },

  "proven fixes come first, one alone is preferred, and the lightbulb does not wait": async ({ server }) => {
    const document = await open();
    await until("a proven fix", () => ((server.state.server?.ready ?? 0) > 0 && !server.state.server?.searching) || undefined);
    const found = await until("Rusta's fix", async () => {
      const all = await actions(document);
      return all.some(isOurs) ? all : undefined;
    });
    assert.ok(isOurs(found[0] ?? assert.fail()), found.map((one) => one.title).join(", "));
    assert.deepEqual(found.filter((one) => one.isPreferred).map(isOurs), [true]);
    const times: number[] = [];
    for (let n = 0; n < SAMPLES; n += 1) {
      const began = performance.now();
      await actions(document);
      times.push(performance.now() - began);
    }
    times.sort((one, other) => one - other);
    return { lightbulb_ms_p50: times[SAMPLES / 2] ?? NaN, lightbulb_ms_max: times.at(-1) ?? NaN };
  },

  "a fix carries its edit, and what becomes of it is followed": async ({ feedback }) => {
    const document = await open();
    const before = document.getText();
    // A check that ends meanwhile proves the fix anew.
    const fix = await until("a fix with its edit", async () => (await actions(document, 10)).find((one) => isOurs(one) && one.edit));
    assert.ok(fix.edit);
    assert.equal(fix.command?.command, "rusta.fixApplied");
    assert.ok(await vscode.workspace.applyEdit(fix.edit));
    await vscode.commands.executeCommand(fix.command.command, ...(fix.command.arguments as unknown[]));
    assert.equal(feedback.applied.length, 1);
    assert.match(document.getText(), /let mut pos = Position::Major;/);
    assert.ok(await feedback.takeBack(feedback.applied[0]?.fix ?? assert.fail()));
    assert.equal(document.getText(), before);
    assert.equal(feedback.applied.length, 0);
    return undefined;
  },

  "hovers keep rust-analyzer's part, and their citations open a page here": async () => {
    const document = await open();
    const hover = await until("a hover that cites", async () => {
      const hovers: vscode.Hover[] = await vscode.commands.executeCommand("vscode.executeHoverProvider", document.uri, place(document).start);
      const text = hovers.flatMap((one) => one.contents.map((part) => (part as vscode.MarkdownString).value)).join("\n");
      return text.includes("command:rusta.showPage?") ? { text, hovers } : undefined;
    });
    assert.match(hover.text, /let pos: Position/);
    assert.doesNotMatch(hover.text, /\]\(file:[^)]*\.html/);
    const trusted = hover.hovers.flatMap((one) => one.contents).map((part) => (part as vscode.MarkdownString).isTrusted);
    assert.ok(trusted.some((one) => typeof one === "object" && one.enabledCommands.join() === "rusta.showPage"));
    return undefined;
  },

  "a code leads to its page here": async () => {
    const document = await open();
    const diagnostic = vscode.languages.getDiagnostics(document.uri).find((one) => typeof one.code === "object" && one.code.value === "E0384");
    assert.ok(diagnostic && typeof diagnostic.code === "object");
    assert.equal(diagnostic.code.target.scheme, "command");
    return undefined;
  },

  "fix all is offered only to who asks for it by name, and repairs the file": async () => {
    const document = await open();
    const range = new vscode.Range(0, 0, document.lineCount, 0);
    const ask = (kind: string): Thenable<vscode.CodeAction[]> =>
      vscode.commands.executeCommand("vscode.executeCodeActionProvider", document.uri, range, kind, 10);
    assert.deepEqual((await ask("quickfix")).filter((one) => one.kind?.value === "source.fixAll.rusta"), []);
    const [all] = (await ask("source.fixAll.rusta")).filter((one) => one.kind?.value === "source.fixAll.rusta");
    assert.ok(all?.edit);
    assert.ok(await vscode.workspace.applyEdit(all.edit));
    assert.match(document.getText(), /let mut pos = Position::Major;/);
    await vscode.commands.executeCommand("undo");
    return undefined;
  },

  "the server can be restarted, and is there again": async ({ server }) => {
    await vscode.commands.executeCommand("rusta.restart");
    await until("a running server", () => server.connection !== undefined && server.state.server?.analyzer === "running");
    return undefined;
  },

  "the debug information tells what was found and no secrets": async () => {
    void vscode.commands.executeCommand("rusta.debugInformation");
    const told = await until("the clipboard", async () => {
      const text = await vscode.env.clipboard.readText();
      return text.includes("Rusta for VS Code") ? text : undefined;
    });
    assert.match(told, /✓ .*rusta \(setting rusta\.server\.path\): rusta \d/);
    assert.doesNotMatch(told, /PATH=|TOKEN/);
    return undefined;
  },
};
