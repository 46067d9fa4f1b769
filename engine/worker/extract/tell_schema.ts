import type { DuckSession } from "../../duckdb/session.ts";
import { noteSchema, type SchemaOfNow } from "../../warehouse/schema_history.ts";

export interface SchemaSubject {
  readonly session: DuckSession;
  readonly name: string;
  readonly runId: string;
  readonly onWarning: (message: string) => void;
}

/** Notes the columns of a stream as they are now, and tells what is other than before; returns whether anything is. */
export async function tellSchema(
  { session, name, runId, onWarning }: SchemaSubject,
  now: SchemaOfNow,
): Promise<boolean> {
  const changes = await noteSchema(session, name, runId, now);
  for (const { message } of changes ?? []) onWarning(`Schema of "${name}": ${message}`);
  return changes !== undefined;
}
