import type { RecordBatch, Schema } from "apache-arrow";
import type { DuckSession } from "./session.ts";
export function exportRows(_s: DuckSession, _q: string, _o: { signal: AbortSignal }): Promise<{ schema: Schema; batches: AsyncIterable<RecordBatch> }> {
  return Promise.reject(new Error("not yet"));
}
