import type { PreparedScan } from "../../../contract/connector/source.ts";
import { Scratch } from "../../locations/scratch.ts";

/**
 * A scan of copies that DuckDB can read. `copy` makes them in a folder below `scratchDir` and returns their
 * relation, with that of the rejects where there may be some; disposing of the scan removes them, and so does an
 * error.
 */
export async function prepareScan(
  scratchDir: string,
  copy: (scratch: Scratch) => Promise<string | Omit<PreparedScan, typeof Symbol.asyncDispose>>,
): Promise<PreparedScan> {
  const scratch = new Scratch(scratchDir);
  try {
    const made = await copy(scratch);
    return {
      ...typeof made === "string" ? { relation: made } : made,
      [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}
