import type { Scan } from "../../../contract/connector/source.ts";
import { type Column, quoteIdentifier } from "../../../contract/sql.ts";
import { createTable, TableIngest } from "../../duckdb/into/ingest.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { TargetSource } from "../connections.ts";
import { asWhole } from "../extract/fill_table.ts";

const NAME = "_sluice_back";
/** The rows that were read back, in a table of the session's own. */
export const BACK = `temp.${NAME}`;
/** The same in other types. */
export const READ = "temp._sluice_read";

/**
 * Reads a load's target into `BACK`, with all its columns. Where it has no record that would tell them, those of
 * `expected`. Throws what reading throws.
 */
export async function readBack(
  session: DuckSession,
  { source, request, texts }: TargetSource,
  expected: readonly Column[],
  signal: AbortSignal,
): Promise<void> {
  const asked = texts === undefined ? request : { ...request, texts: expected.map(({ name }) => name) };
  using _interrupt = session.interruptOn(signal);
  await forgetBack(session);
  const scan = await source.scan?.(asked, signal);
  if (scan !== undefined) return await readScan(session, scan, expected, signal);
  let table: TableIngest | undefined;
  try {
    for await (const message of source.read({ streams: [asked] }, signal)) {
      if (message.type !== "rows") continue;
      if (table === undefined) {
        const place = { schema: "temp", name: NAME };
        await createTable(session, place, message.batch.schema);
        table = await TableIngest.start(session, place, message.batch.schema);
      }
      await table.append(message.batch);
    }
    await table?.finish();
  } finally {
    await table?.[Symbol.asyncDispose]();
  }
  if (table !== undefined) return;
  const { schema } = await source.describe(asked, signal);
  await createTable(session, { schema: "temp", name: NAME }, schema);
}

/** Drops the rows again, and what a comparison made of them. */
export async function forgetBack(session: Pick<DuckSession, "run">): Promise<void> {
  await session.run(`DROP TABLE IF EXISTS ${BACK}; DROP TABLE IF EXISTS ${READ}`);
}

async function readScan(
  session: DuckSession,
  scan: Scan,
  expected: readonly Column[],
  signal: AbortSignal,
): Promise<void> {
  if (scan.hasNoColumns) {
    const columns = expected.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(", ");
    await session.run(`CREATE TEMP TABLE ${NAME} (${columns})`);
    return await scan.verify();
  }
  await using prepared = scan.parts === undefined ? await scan.prepare?.(signal) : undefined;
  const relation = prepared?.relation ?? scan.relation;
  try {
    if (scan.parts === undefined) {
      await session.run(`CREATE TEMP TABLE ${NAME} AS SELECT * FROM ${relation}`);
    } else {
      const columns = await session.describe(`SELECT * FROM ${relation}`);
      let into = `CREATE TEMP TABLE ${NAME} AS`;
      for await (const part of scan.parts(signal)) {
        await session.run(`${into} SELECT * FROM ${asWhole(part, columns)}`);
        into = `INSERT INTO ${BACK}`;
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw await scan.explain(error);
  }
  await scan.verify();
}
