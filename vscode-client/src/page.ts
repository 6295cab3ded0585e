/** The document of the citation view: the page's text under a policy that lets nothing in but ours. */

import { commandLink, isPage } from "./links";

/** As the server answers `rusta/page` for a page. */
export interface Page {
  readonly kind: "page";
  readonly title: string;
  readonly html: string;
  readonly link: string;
  readonly web: string | null;
  readonly folder: string;
  readonly fragment: string;
  readonly marked: number;
}

/** As it answers for a line of the repository. */
export interface SourceLine {
  readonly kind: "source";
  readonly uri: string;
  readonly line: number;
}

/** What the frame needs of VS Code. */
export interface Frame {
  readonly nonce: string;
  /** Where pictures and styles of ours may come from. */
  readonly source: string;
  readonly style: string;
  /** The address of a local file inside the view. */
  readonly local: (uri: string) => string;
}

export const OPEN_IN_BROWSER = "rusta.openInBrowser";

/** The whole document. */
export function pageDocument(page: Page, frame: Frame): string {
  const policy = [
    "default-src 'none'",
    `img-src ${frame.source}`,
    `style-src ${frame.source}`,
    `script-src 'nonce-${frame.nonce}'`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
  const browser = `command:${OPEN_IN_BROWSER}?${encodeURIComponent(JSON.stringify([page.link]))}`;
  const target = page.marked > 0 ? "quote" : page.fragment ? `at-${page.fragment}` : "";
  const note =
    page.marked > 1 ? `${page.marked} quotes are marked` : page.marked === 1 ? "the quote is marked" : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
<title>${text(page.title)}</title>
<link rel="stylesheet" href="${attribute(frame.style)}">
</head>
<body data-target="${attribute(target)}">
<header><span class="note">${text(note)}</span><a href="${attribute(browser)}">Open in browser</a></header>
<main>${withLocalAddresses(page.html, frame)}</main>
<script nonce="${frame.nonce}">document.getElementById(document.body.dataset.target)?.scrollIntoView({ block: "center" });</script>
</body>
</html>`;
}

/** Links between pages become commands, pictures get addresses the view may load. The server wrote both. */
function withLocalAddresses(html: string, frame: Frame): string {
  return html
    .replace(/ href="(file:[^"]*)"/g, (_, link: string) => {
      const plain = unescaped(link);
      return isPage(plain) ? ` href="${attribute(commandLink(plain, null))}"` : "";
    })
    .replace(/ src="(file:[^"]*)"/g, (_, link: string) => ` src="${attribute(frame.local(unescaped(link)))}"`);
}

function unescaped(value: string): string {
  return value
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#x27;", "'")
    .replaceAll("&amp;", "&");
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function attribute(value: string): string {
  return text(value).replaceAll('"', "&quot;");
}
