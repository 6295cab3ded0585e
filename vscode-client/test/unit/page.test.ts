import assert from "node:assert/strict";
import { test } from "node:test";
import { pageDocument, type Frame, type Page } from "../../src/page";

const frame: Frame = {
  nonce: "N0NCE",
  source: "https://view.local",
  style: "https://view.local/page.css",
  local: (uri) => `https://view.local/${uri.replace("file:///", "")}`,
};
const page: Page = {
  kind: "page",
  title: "Vec<T> & more",
  html: '<p><mark id="quote">A quote.</mark></p>',
  link: "file:///doc/std/vec/struct.Vec.html#method.push",
  web: null,
  folder: "file:///doc",
  fragment: "method.push",
  marked: 1,
};

test("the policy lets in pictures and our style, and only the script with our nonce", () => {
  const document = pageDocument(page, frame);
  const [, policy] = /Content-Security-Policy" content="([^"]+)"/.exec(document) ?? [];
  assert.equal(
    policy,
    "default-src 'none'; img-src https://view.local; style-src https://view.local; script-src 'nonce-N0NCE'; form-action 'none'; base-uri 'none'",
  );
  assert.equal(document.match(/<script/g)?.length, 1);
});

test("links between pages become commands, pictures get addresses of the view, the rest loses its address", () => {
  const html = '<a href="file:///doc/book/a.html#x&amp;y">a</a><img src="file:///doc/p.svg" alt=""><a href="file:///etc/passwd">b</a>';
  const document = pageDocument({ ...page, html }, frame);
  assert.match(document, /<a href="command:rusta\.showPage\?[^"]+">a<\/a>/);
  assert.match(document, /<img src="https:\/\/view\.local\/doc\/p\.svg" alt="">/);
  assert.match(document, /<a>b<\/a>/);
  const [, query] = /showPage\?([^"]+)">a</.exec(document) ?? [];
  assert.deepEqual(JSON.parse(decodeURIComponent(query ?? "")), ["file:///doc/book/a.html#x&y", null]);
});

test("the view goes to the quote, or else to the place the link names", () => {
  assert.match(pageDocument(page, frame), /data-target="quote"/);
  assert.match(pageDocument({ ...page, marked: 0 }, frame), /data-target="at-method\.push"/);
});

test("a title is text", () => {
  assert.match(pageDocument(page, frame), /<title>Vec&lt;T&gt; &amp; more<\/title>/);
});
