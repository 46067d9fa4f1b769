import type { RecordBatch } from "apache-arrow";
import type { DuckSession } from "./session.ts";
export function ingest(_s: DuckSession, _t: { schema: string; name: string }, _b: AsyncIterable<RecordBatch>, _o: { signal: AbortSignal; onProgress?: (rows: number) => void }): Promise<number> {
  return Promise.reject(new Error("not yet"));
}
