/** Links to the documentation on this machine become a command that shows the page beside the editor. */

export const SHOW_PAGE = "rusta.showPage";

/** Where somebody clicked: what a page quotes there is marked. */
export interface Origin {
  readonly uri: string;
  readonly line: number;
  readonly character: number;
}

// A Markdown link as the server writes it: no space or bracket in the address, a title at most.
const LINK = /\]\((file:\/\/\/[^\s()]+?\.html(?:#[^\s()]*)?)(?: "([^"]*)")?\)/g;

/** Markdown with links to pages of HTML as commands; other links stay as they are. */
export function withPageLinks(markdown: string, origin: Origin): string {
  return markdown.replace(LINK, (_, link: string, title: string | undefined) => {
    const shown = title === undefined ? "" : ` "${title}"`;
    return `](${commandLink(link, origin)}${shown})`;
  });
}

/** The address of the command that shows a page. */
export function commandLink(link: string, origin: Origin | null): string {
  const argument = encodeURIComponent(JSON.stringify([link, origin])).replace(
    /[()']/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `command:${SHOW_PAGE}?${argument}`;
}

/** Whether a link leads to a page of HTML on this machine. */
export function isPage(link: string): boolean {
  return /^file:\/\/\/[^\s]+\.html(?:#.*)?$/.test(link);
}
