import assert from "node:assert/strict";
import { test } from "node:test";
import { commandLink, isPage, withPageLinks } from "../../src/links";

const origin = { uri: "file:///work/src/main.rs", line: 2, character: 5 };

function argumentsOf(link: string): unknown {
  const [, query] = /^command:rusta\.showPage\?(.*)$/.exec(link) ?? [];
  return JSON.parse(decodeURIComponent(query ?? ""));
}

test("a link to a page becomes a command that knows page and place", () => {
  const page = "file:///doc/error_codes/E0384.html#error-code-e0384";
  const markdown = `“quote” — [error index: E0384](${page} "https://example.org/E0384.html")`;
  const [, link] = /\]\((command:[^ )]+) "https:\/\/example\.org\/E0384\.html"\)$/.exec(withPageLinks(markdown, origin)) ?? [];
  assert.deepEqual(argumentsOf(link ?? ""), [page, origin]);
});

test("other links stay as they are", () => {
  for (const markdown of [
    "[web](https://example.org/x.html)",
    "[line](file:///work/src/lib.rs#L3)",
    "plain file:///doc/x.html text",
    "[two](command:other?x)",
  ]) {
    assert.equal(withPageLinks(markdown, origin), markdown);
  }
});

test("nothing in a link can end the Markdown link early", () => {
  const link = commandLink("file:///doc/it's(1).html#impl-Fn(A)", origin);
  assert.doesNotMatch(link, /[()'"\s]/);
  assert.deepEqual(argumentsOf(link), ["file:///doc/it's(1).html#impl-Fn(A)", origin]);
});

test("only pages of HTML on this machine are pages", () => {
  assert.equal(isPage("file:///doc/std/vec/struct.Vec.html#method.push"), true);
  assert.equal(isPage("https://doc.rust-lang.org/x.html"), false);
  assert.equal(isPage("file:///etc/passwd"), false);
  assert.equal(isPage("command:x.html"), false);
});
