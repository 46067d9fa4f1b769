import { AppError } from "../../contract/errors.ts";
import { SqlError, type SqlSession } from "../../contract/sql.ts";
import { foldJournal } from "./steps/journal.ts";

/**
 * Our own part of a pipeline's warehouse file, schema `_sluice`: which steps were committed by which
 * run (steps/step_ledger.ts) and for which window (steps/step_windows.ts), how far streams got (stream_state.ts), which
 * rows did not fit (rejects.ts) or failed a check, what checks measured (checks/), what models were made of
 * (models/) and what loads sent (sent_rows.ts).
 * All of it is written in the transaction of the rows themselves, the first two by way of steps/journal.ts.
 */

/** Append-only: a file made by an older version gets the rest, one made by a newer one is refused. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE _sluice.steps (
     run_id VARCHAR NOT NULL,
     step VARCHAR NOT NULL,
     result VARCHAR NOT NULL,
     committed_at TIMESTAMPTZ NOT NULL,
     PRIMARY KEY (run_id, step)
   );
   CREATE TABLE _sluice.cursors (
     stream VARCHAR PRIMARY KEY,
     "column" VARCHAR NOT NULL,
     "value" VARCHAR NOT NULL,
     "type" VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     updated_at TIMESTAMPTZ NOT NULL
   );`,
  `CREATE TABLE _sluice.states (
     stream VARCHAR PRIMARY KEY,
     state JSON NOT NULL,
     run_id VARCHAR NOT NULL,
     updated_at TIMESTAMPTZ NOT NULL
   );
   INSERT INTO _sluice.states
     SELECT stream, {'cursor': {'column': "column", 'value': "value", 'type': "type"}}::JSON, run_id, updated_at
     FROM _sluice.cursors;
   DROP TABLE _sluice.cursors;
   CREATE TABLE _sluice.parts (
     stream VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     part VARCHAR NOT NULL,
     "rows" BIGINT NOT NULL,
     size_bytes BIGINT NOT NULL,
     committed_at TIMESTAMPTZ NOT NULL
   );
   CREATE TABLE _sluice.rejects (
     stream VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     attempt INTEGER NOT NULL,
     reason VARCHAR NOT NULL,
     position VARCHAR,
     "row" JSON,
     rejected_at TIMESTAMPTZ NOT NULL
   );`,
  `CREATE TABLE _sluice.windows (
     step VARCHAR PRIMARY KEY,
     run_id VARCHAR,
     is_done BOOLEAN NOT NULL,
     start_ms BIGINT,
     end_ms BIGINT
   );
   INSERT INTO _sluice.windows SELECT DISTINCT step, NULL, true, NULL::BIGINT, NULL::BIGINT FROM _sluice.steps
     WHERE NOT starts_with(step, 'check:');
   CREATE TABLE _sluice.models (
     model VARCHAR PRIMARY KEY,
     definition JSON NOT NULL,
     run_id VARCHAR NOT NULL,
     built_at TIMESTAMPTZ NOT NULL
   );`,
  `CREATE TABLE _sluice.followers (
     connector VARCHAR PRIMARY KEY,
     token VARCHAR NOT NULL,
     made_at TIMESTAMPTZ NOT NULL
   );`,
  `ALTER TABLE _sluice.rejects ADD COLUMN by_contract BOOLEAN;
   CREATE TABLE _sluice.schemas (
     stream VARCHAR NOT NULL,
     version INTEGER NOT NULL,
     run_id VARCHAR NOT NULL,
     changed_at TIMESTAMPTZ NOT NULL,
     columns JSON NOT NULL,
     missing JSON NOT NULL,
     changes JSON NOT NULL,
     PRIMARY KEY (stream, version)
   );`,
  `CREATE TABLE _sluice.sent_loads (
     step VARCHAR PRIMARY KEY,
     load_id VARCHAR,
     fingerprint VARCHAR,
     pending VARCHAR,
     table_name VARCHAR
   );`,
  `CREATE TABLE _sluice.wildcards (
     stream VARCHAR PRIMARY KEY,
     run_id VARCHAR NOT NULL,
     tables JSON NOT NULL,
     found_at TIMESTAMPTZ NOT NULL
   );`,
  // No default calls a function: DuckDB cannot replay such a change from the log of a process that was killed.
  `ALTER TABLE _sluice.rejects ADD COLUMN id UUID;
   ALTER TABLE _sluice.rejects ADD COLUMN tries INTEGER;
   UPDATE _sluice.rejects SET id = uuid();`,
  `CREATE TABLE _sluice.failed_rows (
     run_id VARCHAR NOT NULL,
     step VARCHAR NOT NULL,
     place INTEGER NOT NULL,
     columns JSON NOT NULL,
     "row" JSON NOT NULL,
     failures BIGINT NOT NULL,
     kept_at TIMESTAMPTZ NOT NULL
   );
   CREATE TABLE _sluice.check_values (
     step VARCHAR NOT NULL,
     metric VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     "value" DOUBLE,
     measured_at TIMESTAMPTZ NOT NULL,
     PRIMARY KEY (step, run_id)
   );`,
  `CREATE TABLE _sluice.model_batches (
     step VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     start_ms BIGINT,
     end_ms BIGINT NOT NULL,
     is_anew BOOLEAN NOT NULL,
     "rows" BIGINT NOT NULL,
     committed_at TIMESTAMPTZ NOT NULL
   );`,
  `CREATE TABLE _sluice.macros (
     macro VARCHAR PRIMARY KEY,
     is_table BOOLEAN NOT NULL,
     text VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     made_at TIMESTAMPTZ NOT NULL
   );`,
  `CREATE TABLE _sluice.journal (
     kind VARCHAR NOT NULL,
     name VARCHAR NOT NULL,
     run_id VARCHAR NOT NULL,
     value VARCHAR NOT NULL,
     noted_at TIMESTAMPTZ NOT NULL
   );`,
];

/** Brings the warehouse's own tables up to date, in what they are and in what they have. Throws `invalid` for a file of a newer version. */
export async function prepareWarehouse(session: SqlSession): Promise<void> {
  const version = await versionOf(session);
  if (version > MIGRATIONS.length) {
    throw new AppError(
      "invalid",
      `The warehouse is of a newer Sluice (its version ${version}, known ${MIGRATIONS.length})`,
      {
        detail: "Use the newer version again, or restore a backup that was made before it ran.",
      },
    );
  }
  // What a process had no time for that was killed.
  if (version === MIGRATIONS.length) return await foldJournal(session);
  await session.transaction(async () => {
    await session.run(
      `CREATE SCHEMA IF NOT EXISTS raw;
       CREATE SCHEMA IF NOT EXISTS _sluice;
       CREATE TABLE IF NOT EXISTS _sluice.migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL)`,
    );
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await session.run(sql);
      await session.run("INSERT INTO _sluice.migrations VALUES (?, now())", [index + 1]);
    }
  });
}

/** 0 for a file that no version has used yet. */
async function versionOf(session: SqlSession): Promise<number> {
  try {
    const [row] = await session.rows("SELECT coalesce(max(version), 0) AS version FROM _sluice.migrations");
    return Number(row?.["version"] ?? 0);
  } catch (error) {
    if (error instanceof SqlError && error.type === "Catalog") return 0;
    throw error;
  }
}
