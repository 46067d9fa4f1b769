import type { SqlSession } from "../../../contract/sql.ts";
import { addRow } from "../put_row.ts";

/**
 * What steps note with their commits, in one table that has no keys: a row there is one INSERT for all that a step notes,
 * and costs a tenth of one in each of the tables by which it is looked up. At the end of a run, and whenever a process opens
 * the warehouse, `foldJournal` puts it there; until then nothing but `readModelsOfCopy` sees it.
 */
export interface JournalEntry {
  /** A step's result, the window it was done for, or what a model was built by. */
  readonly kind: "step" | "window" | "model";
  /** Of the step; of a model its nameKey. */
  readonly name: string;
  readonly runId: string;
  /** As JSON. */
  readonly value: unknown;
}

/** Called in the transaction that does what the entry says. Of entries of one kind and name the last one counts. */
export async function noteInJournal(
  session: SqlSession,
  { kind, name, runId, value }: JournalEntry,
): Promise<void> {
  await addRow(session, "_sluice.journal", [kind, name, runId, JSON.stringify(value), new Date()]);
}

/** The last of each, for the tables have one row of it. */
const lastOf = (kind: JournalEntry["kind"], key: string, columns: string): string =>
  `SELECT ${columns} FROM _sluice.journal WHERE kind = '${kind}'
     QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY rowid DESC) = 1`;

const FOLD = [
  `INSERT OR REPLACE INTO _sluice.steps (run_id, step, result, committed_at)
     ${lastOf("step", "run_id, name", "run_id, name, value, noted_at")}`,
  `INSERT OR REPLACE INTO _sluice.windows (step, run_id, is_done, start_ms, end_ms)
     ${
    lastOf(
      "window",
      "name",
      "name, run_id, true, CAST(value::JSON->>'start_ms' AS BIGINT), CAST(value::JSON->>'end_ms' AS BIGINT)",
    )
  }`,
  `INSERT OR REPLACE INTO _sluice.models (model, definition, run_id, built_at)
     ${lastOf("model", "name", "name, value::JSON, run_id, noted_at")}`,
  "DELETE FROM _sluice.journal",
];

/** Puts what the journal has into the tables by which it is looked up, all of it or nothing. */
export async function foldJournal(session: SqlSession): Promise<void> {
  const [found] = await session.rows("SELECT count(*) AS n FROM _sluice.journal");
  if (found?.["n"] === 0) return;
  await session.transaction(async () => {
    for (const sql of FOLD) await session.run(sql);
  });
}
