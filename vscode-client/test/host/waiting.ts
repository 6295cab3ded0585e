/** Waits by condition. */

const WITHIN_MS = 240_000;

/** What `find` gives, once that is something. */
export async function until<Value>(what: string, find: () => Promise<Value> | Value): Promise<NonNullable<Value>> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${WITHIN_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
