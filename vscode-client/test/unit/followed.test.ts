import assert from "node:assert/strict";
import { test } from "node:test";
import { Followed } from "../../src/followed";

const fix = (number: number, file: string, before: string, after: string) => ({
  fix: number,
  title: `fix ${number}`,
  texts: new Map([[file, { before, after }]]),
});

test("a text that is as before a fix undoes it, once", () => {
  const followed = new Followed();
  followed.add(fix(1, "a", "let x", "let mut x"));
  assert.equal(followed.changed("a", "let mut x;"), undefined);
  assert.equal(followed.changed("b", "let x"), undefined);
  assert.equal(followed.changed("a", "let x")?.fix, 1);
  assert.equal(followed.changed("a", "let x"), undefined);
  assert.equal(followed.newest, undefined);
});

test("of two fixes in a row the newer is undone first", () => {
  const followed = new Followed();
  followed.add(fix(1, "a", "0", "1"));
  followed.add(fix(2, "a", "1", "2"));
  assert.equal(followed.changed("a", "1")?.fix, 2);
  assert.equal(followed.changed("a", "0")?.fix, 1);
});

test("only the last fixes are kept in mind", () => {
  const followed = new Followed();
  for (let number = 0; number < 60; number += 1) followed.add(fix(number, "a", `${number}`, `${number + 1}`));
  assert.equal(followed.all.length, 50);
  assert.equal(followed.all[0]?.fix, 10);
});
