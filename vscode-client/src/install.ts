/** Offers a private environment with the server in it. Nothing is run or fetched before a person agrees. */

import { spawn } from "node:child_process";
import * as path from "node:path";
import * as vscode from "vscode";
import { privateEnvironment } from "./find";

const PYTHONS = process.platform === "win32" ? ["py", "python"] : ["python3", "python"];

/** Ask, then make the environment; whether it was made. */
export async function install(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): Promise<boolean> {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showWarningMessage("Rusta: the server can be installed once the folder is trusted.");
    return false;
  }
  const folder = privateEnvironment(context);
  const wanted =
    vscode.workspace.getConfiguration("rusta").get<string | null>("server.package") ?? `rusta==${version(context)}`;
  const chosen = await vscode.window.showInformationMessage(
    "Install Rusta's server into an environment of its own?",
    {
      modal: true,
      detail: `This runs\n\npython3 -m venv ${folder}\npip install ${wanted}\n\npip fetches what is missing from the package index it is set up with. Nothing else on this machine changes.`,
    },
    "Install",
  );
  if (chosen !== "Install") return false;
  return vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: "Installing Rusta's server", cancellable: true },
    async (progress, token) => {
      try {
        progress.report({ message: "making the environment" });
        await makeEnvironment(folder, log, token);
        progress.report({ message: `installing ${wanted}` });
        const bin = path.join(folder, process.platform === "win32" ? "Scripts" : "bin");
        await run(path.join(bin, "python"), ["-m", "pip", "install", "--disable-pip-version-check", "--upgrade", wanted], log, token);
        return true;
      } catch (error) {
        log.error(String(error));
        if (!token.isCancellationRequested) {
          const choice = await vscode.window.showErrorMessage(
            `Rusta's server could not be installed: ${error instanceof Error ? error.message : String(error)}`,
            "Show Log",
          );
          if (choice) log.show();
        }
        return false;
      }
    },
  );
}

function version(context: vscode.ExtensionContext): string {
  return (context.extension.packageJSON as { version: string }).version;
}

async function makeEnvironment(
  folder: string,
  log: vscode.LogOutputChannel,
  token: vscode.CancellationToken,
): Promise<void> {
  let last: unknown = new Error("there is no Python");
  for (const python of PYTHONS) {
    try {
      await run(python, ["-c", "import sys; sys.exit('Python 3.11 or newer is needed' if sys.version_info < (3, 11) else 0)"], log, token);
      await run(python, ["-m", "venv", "--clear", folder], log, token);
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** Run a program to its end, its words in the log. */
async function run(
  program: string,
  args: readonly string[],
  log: vscode.LogOutputChannel,
  token: vscode.CancellationToken,
): Promise<void> {
  log.info(`${program} ${args.join(" ")}`);
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const hear = (data: Buffer): void => {
      said = data.toString().trim() || said;
      log.info(data.toString().trimEnd());
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const cancelling = token.onCancellationRequested(() => child.kill());
    child.on("error", reject);
    child.on("close", (code) => {
      cancelling.dispose();
      if (code === 0) resolve();
      else reject(new Error(said.split("\n").at(-1) ?? `${program} ended with ${code ?? "a signal"}`));
    });
  });
}
