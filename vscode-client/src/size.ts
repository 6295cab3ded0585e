/** How big an edit is, and whether a person should see it before it is applied. */

/** The replaced lines of one file and what comes in their place. */
export interface Change {
  readonly file: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly newText: string;
}

export interface Size {
  readonly files: number;
  readonly lines: number;
}

/** Lines that go and lines that come; a line that is changed counts once. */
export function sizeOf(changes: readonly Change[]): Size {
  let lines = 0;
  for (const change of changes) {
    const replaced = change.endLine - change.startLine + 1;
    const inserted = change.newText.split("\n").length;
    // An insertion of whole lines ends with a line break and leaves the line it stands before.
    const isWhole = change.newText.endsWith("\n") || change.newText.startsWith("\n");
    lines += change.startLine === change.endLine && isWhole ? inserted - 1 : Math.max(replaced, inserted);
  }
  return { files: new Set(changes.map((change) => change.file)).size, lines };
}

/** Whether it is shown as a diff first. */
export function wantsPreview(size: Size, mostLines: number): boolean {
  return size.files > 1 || size.lines > mostLines;
}

/** In words: "3 lines in 2 files". */
export function described(size: Size): string {
  const lines = size.lines === 1 ? "1 line" : `${size.lines} lines`;
  return size.files === 1 ? lines : `${lines} in ${size.files} files`;
}
