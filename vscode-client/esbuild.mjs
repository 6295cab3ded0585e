// Bundles the extension and the script of its timeline; `--test` the tests, `--production` small and with notices.
import { build } from "esbuild";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const isProduction = process.argv.includes("--production");
const common = { bundle: true, logLevel: "warning", minify: isProduction, sourcemap: !isProduction };
const node = { ...common, platform: "node", target: "node20", format: "cjs", external: ["vscode"] };

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
const extension = await build({
  ...node,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  metafile: true,
});
await build({
  ...common,
  platform: "browser",
  target: "es2022",
  format: "iife",
  entryPoints: ["webview/timeline.ts"],
  outfile: "dist/timeline.js",
});
if (isProduction) writeFileSync("dist/NOTICES.txt", notices(extension.metafile));
if (process.argv.includes("--test")) {
  rmSync("out", { recursive: true, force: true });
  const tests = readdirSync("test/unit").filter((name) => name.endsWith(".test.ts"));
  await build({ ...node, entryPoints: tests.map((name) => `test/unit/${name}`), outdir: "out/unit" });
  await build({ ...node, entryPoints: ["test/host/index.ts"], outfile: "out/host.js" });
  await build({ ...node, entryPoints: ["test/neighbour/extension.ts"], outfile: "out/neighbour/extension.js" });
  copyFileSync("test/neighbour/package.json", "out/neighbour/package.json");
}

/** The licences of every package that went into the bundle. */
function notices(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  return [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} comes without its licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, file), "utf8").trim()}\n`;
  }).join(`\n${"-".repeat(72)}\n\n`);
}
