/** DuckDB writes three blocks of 4,096 bytes when it creates a file; before that it holds nothing. */
const BLOCK_BYTES = 4_096;
const BORN_BYTES = 3 * BLOCK_BYTES;
const MAGIC = "DUCK";
const MAGIC_AT = 8;
/** A process that creates the file right now is done with it long before. */
const MIN_AGE_MS = 2_000;

/**
 * Removes a database file whose creation was cut off by a kill: DuckDB would refuse it for ever, and
 * nothing was ever in it. Returns `removed`, or `young` for one that may still be in the making.
 * Needs to read and write the file; without that permission it is `kept`.
 */
export async function removeUnbornFile(path: string): Promise<"removed" | "young" | "kept"> {
  try {
    const { size, mtime, isFile } = await Deno.stat(path);
    if (
      !isFile || size >= BORN_BYTES || size % BLOCK_BYTES !== 0 || !(size === 0 || await isDuckFile(path))
    ) return "kept";
    if (Date.now() - (mtime?.getTime() ?? 0) < MIN_AGE_MS) return "young";
    await Deno.remove(path);
    return "removed";
  } catch {
    // Gone, or out of reach: then DuckDB's own error says what is wrong.
    return "kept";
  }
}

async function isDuckFile(path: string): Promise<boolean> {
  const bytes = await Deno.readFile(path);
  return new TextDecoder().decode(bytes.subarray(MAGIC_AT, MAGIC_AT + MAGIC.length)) === MAGIC;
}
