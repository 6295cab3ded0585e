/** Tests inside the extension host. The results go into a file, where pytest reads them. */

import { writeFileSync } from "node:fs";
import * as path from "node:path";
import type { Api } from "../../src/extension";
import * as vscode from "vscode";
import { own } from "./own";
import { under } from "./under";
import { untrusted } from "./untrusted";

/** A test: what it shows, and the doing. */
export type Tests = Record<string, (api: Api) => Promise<Record<string, number> | undefined>>;

const SUITES: Record<string, Tests> = { own, under, untrusted };

/** What VS Code calls once the window is there. */
export async function run(): Promise<void> {
  const [suite, folder] = [process.env.RUSTA_HOST_SUITE ?? "", process.env.RUSTA_HOST_RESULTS ?? "."];
  const results: object[] = [];
  const extension = vscode.extensions.getExtension<Api>("rusta.rusta");
  const api = await extension?.activate();
  for (const [name, test] of Object.entries(SUITES[suite] ?? {})) {
    try {
      if (!api) throw new Error("the extension is not there");
      results.push({ name, figures: (await test(api)) ?? {} });
    } catch (error) {
      results.push({ name, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
  writeFileSync(path.join(folder, "results.json"), JSON.stringify(results));
}
