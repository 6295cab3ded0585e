/** What becomes of fixes after they were chosen: kept, or taken back. Knows texts, not editors. */

/** A fix that was applied. */
export interface Applied {
  readonly fix: number;
  readonly title: string;
  /** By file: the texts before and after. */
  readonly texts: ReadonlyMap<string, { readonly before: string; readonly after: string }>;
}

const MOST = 50;

/** The fixes that were applied last, newest at the end. */
export class Followed {
  private applied: Applied[] = [];

  add(one: Applied): void {
    this.applied = [...this.applied.filter((other) => other.fix !== one.fix), one].slice(-MOST);
  }

  /** The newest fix; undefined if there is none that was not taken back. */
  get newest(): Applied | undefined {
    return this.applied.at(-1);
  }

  get all(): readonly Applied[] {
    return this.applied;
  }

  /** A fix was taken back by other means. */
  forget(fix: number): void {
    this.applied = this.applied.filter((one) => one.fix !== fix);
  }

  /** A file's text has changed; returns the fix that is undone by it, which is then forgotten. */
  changed(file: string, text: string): Applied | undefined {
    const undone = [...this.applied].reverse().find((one) => one.texts.get(file)?.before === text);
    if (undone) this.forget(undone.fix);
    return undone;
  }
}
