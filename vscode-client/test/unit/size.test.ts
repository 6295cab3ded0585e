import assert from "node:assert/strict";
import { test } from "node:test";
import { described, sizeOf, wantsPreview, type Change } from "../../src/size";

const change = (startLine: number, endLine: number, newText: string, file = "a.rs"): Change => ({ file, startLine, endLine, newText });

test("a word in a line is one line, a new line is one line", () => {
  assert.deepEqual(sizeOf([change(3, 3, "mut ")]), { files: 1, lines: 1 });
  assert.deepEqual(sizeOf([change(3, 3, "use std::fmt;\n")]), { files: 1, lines: 1 });
});

test("a deletion counts the lines that go", () => {
  assert.deepEqual(sizeOf([change(3, 9, "")]), { files: 1, lines: 7 });
});

test("several files or many lines are shown first", () => {
  assert.equal(wantsPreview(sizeOf([change(1, 1, "x"), change(1, 1, "x", "b.rs")]), 5), true);
  assert.equal(wantsPreview(sizeOf([change(1, 1, "a\nb\nc\nd\ne\nf")]), 5), true);
  assert.equal(wantsPreview(sizeOf([change(1, 1, "a\nb")]), 5), false);
});

test("a size in words", () => {
  assert.equal(described({ files: 1, lines: 1 }), "1 line");
  assert.equal(described({ files: 2, lines: 7 }), "7 lines in 2 files");
});
