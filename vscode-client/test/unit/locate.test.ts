import assert from "node:assert/strict";
import { test } from "node:test";
import { candidates, isRecent, report, versionIn, type Surroundings } from "../../src/locate";

const around: Surroundings = {
  setting: undefined,
  extension: "/ext",
  interpreter: "/conda/bin/python",
  folders: ["/work/crate"],
  isTrusted: true,
  home: "/home/me",
  env: { PATH: "/usr/bin:relative:/opt/bin", VIRTUAL_ENV: "/venvs/active" },
  privateEnvironment: "/storage/environment",
  isWindows: false,
};
const paths = (changed: Partial<Surroundings>): string[] => candidates({ ...around, ...changed }).map((one) => one.path);

test("the setting comes first, then bundled, project, PATH, pipx, uv and the private environment", () => {
  assert.deepEqual(paths({ setting: "~/rusta/bin/rusta" }), [
    "/home/me/rusta/bin/rusta",
    "/ext/server/bin/rusta",
    "/conda/bin/rusta",
    "/work/crate/.venv/bin/rusta",
    "/work/crate/venv/bin/rusta",
    "/venvs/active/bin/rusta",
    "/usr/bin/rusta",
    "/opt/bin/rusta",
    "/home/me/.local/share/pipx/venvs/rusta/bin/rusta",
    "/home/me/.local/bin/rusta",
    "/home/me/.local/share/uv/tools/rusta/bin/rusta",
    "/storage/environment/bin/rusta",
  ]);
});

test("programs of a folder that is not trusted are not even asked for their version", () => {
  const found = paths({ isTrusted: false });
  assert.deepEqual(found.filter((path) => path.startsWith("/work/crate") || path.startsWith("/conda")), []);
});

test("a setting may name the folder, and each program is looked at once", () => {
  const found = paths({ setting: "${workspaceFolder}/.venv/bin/rusta" });
  assert.equal(found[0], "/work/crate/.venv/bin/rusta");
  assert.equal(new Set(found).size, found.length);
});

test("only Rusta's own words count as a version", () => {
  assert.equal(versionIn("rusta, version 0.1.0\n"), "0.1.0");
  assert.equal(versionIn("rusta 9.9.9\n"), undefined);
  assert.equal(versionIn("thrusta, version 1.0.0"), undefined);
});

test("an older server is not taken", () => {
  assert.equal(isRecent("0.1.0"), true);
  assert.equal(isRecent("1.0.0"), true);
  assert.equal(isRecent("0.10.2"), true);
  assert.equal(isRecent("0.0.9"), false);
});

test("the report says of each program what is wrong with it", () => {
  const told = report([
    { path: "/a/rusta", where: "PATH", version: undefined, problem: "not Rusta" },
    { path: "/b/rusta", where: "pipx", version: "0.1.0", problem: undefined },
  ]);
  assert.equal(told, "– /a/rusta (PATH): not Rusta\n✓ /b/rusta (pipx): rusta 0.1.0");
});
