import { join } from "node:path";
import { requirePathPart } from "../../../contract/names.ts";

/** Of a DuckDB file: 8 bytes of checksum, the name of its kind, 8 bytes of version, 8 of flags. */
const MAGIC = "DUCK";
const MAGIC_AT = 8;
const FLAGS_AT = 20;
const ENCRYPTED = 1;

/** The file of a pipeline's warehouse. Throws `invalid` for a name that leads out of its folder. */
export function warehousePath(dataDir: string, pipeline: string): string {
  return join(dataDir, "warehouse", `${requirePathPart(pipeline)}.duckdb`);
}

/**
 * What the file itself says: whether it is encrypted is decided by nothing else, so that there is no moment at which a
 * note and the file say different things. `none` also for a file in which nothing is yet.
 */
export async function warehouseState(path: string): Promise<"encrypted" | "plain" | "none"> {
  let head: Uint8Array;
  try {
    using file = await Deno.open(path);
    head = new Uint8Array(FLAGS_AT + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < head.length; length += read) {
      read = await file.read(head.subarray(length)) ?? 0;
    }
    if (length < head.length) return "none";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "none";
    throw error;
  }
  const magic = new TextDecoder("latin1").decode(head.subarray(MAGIC_AT, MAGIC_AT + MAGIC.length));
  return magic === MAGIC && ((head[FLAGS_AT] ?? 0) & ENCRYPTED) !== 0 ? "encrypted" : "plain";
}

export async function isEncrypted(dataDir: string, pipeline: string): Promise<boolean> {
  return await warehouseState(warehousePath(dataDir, pipeline)) === "encrypted";
}
