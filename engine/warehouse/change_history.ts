import { CHANGE_OPERATIONS } from "../../contract/connector/changes.ts";
import { type Column, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { type ChangedStream, lostValues, refuseNullKeys, unchangedPlaces } from "./apply_changes.ts";
import { isUnchanged, operationCode, STAGE, STAGE_COLUMNS, stageTable } from "./change_stage.ts";
import { alignColumns } from "./stream_contract.ts";
import { hasColumns, rawTable, tableColumns } from "./raw_table.ts";

/** `raw.<stream>` with a row for every change, in place of the rows as they are now. */

/** What stands beside the source's columns. */
export const HISTORY = {
  operation: "_sluice_operation",
  /** Where in the log the change was committed. */
  position: "_sluice_position",
  committedAt: "_sluice_committed_at",
  /** The changes' order, from 1. */
  sequence: "_sluice_sequence",
} as const;

export const HISTORY_COLUMNS: readonly Column[] = [
  { name: HISTORY.operation, type: "VARCHAR" },
  { name: HISTORY.position, type: "VARCHAR" },
  { name: HISTORY.committedAt, type: "TIMESTAMP WITH TIME ZONE" },
  { name: HISTORY.sequence, type: "BIGINT" },
];

const OURS: readonly string[] = [...Object.values(HISTORY), ...STAGE_COLUMNS];
const SEQUENCE = quoteIdentifier(STAGE.sequence);
const MOVED = quoteIdentifier(STAGE.moved);
const RESOLVED = `temp."_sluice_changes"`;

/** Whether the stream's table holds a history. */
export async function holdsHistory(session: SqlSession, name: string): Promise<boolean> {
  const columns = await tableColumns(session, "raw", name);
  return columns.some((column) => column.name === HISTORY.sequence);
}

/** Adds the changes of the stream's stage; makes the table where there is none. Throws as `applyChanges` does. */
export async function appendHistory(session: SqlSession, changed: ChangedStream): Promise<void> {
  const { name, stream } = changed;
  const stage = stageTable(name);
  if (!await hasColumns(session, name)) await createHistory(session, name);
  await refuseNullKeys(session, changed);
  const columns = await alignColumns(session, name, stream, stage, undefined, OURS);
  const places = await unchangedPlaces(session, name);
  if (places.length > 0) await resolve(session, changed, columns, places);
  const list = columns.map(quoteIdentifier).join(", ");
  const ours = Object.values(HISTORY).map(quoteIdentifier).join(", ");
  // The stage counts from 1 without a gap: nothing has to be sorted, which would hold all rows at once.
  const names = `[${CHANGE_OPERATIONS.map((operation) => `'${operation}'`).join(", ")}]`;
  await session.run(
    `INSERT INTO ${rawTable(name)} (${ours}, ${list})
     SELECT ${names}[${quoteIdentifier(STAGE.operation)} + 1], ${quoteIdentifier(STAGE.position)},
            ${quoteIdentifier(STAGE.committedAt)},
            (SELECT coalesce(max(${quoteIdentifier(HISTORY.sequence)}), 0) FROM ${rawTable(name)}) +
              ${SEQUENCE},
            ${list} FROM ${places.length > 0 ? RESOLVED : stage}`,
  );
  if (places.length > 0) await session.run(`DROP TABLE ${RESOLVED}`);
}

async function createHistory(session: SqlSession, name: string): Promise<void> {
  const columns = (await session.describe(`SELECT * FROM ${stageTable(name)}`))
    .filter((column) => !STAGE_COLUMNS.includes(column.name));
  const list = [...HISTORY_COLUMNS, ...columns].map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  await session.run(
    `DROP TABLE IF EXISTS ${rawTable(name)}; CREATE TABLE ${rawTable(name)} (${list.join(", ")})`,
  );
}

/** The changes with the values that the log left out: of the row's change before, here or in the table. */
async function resolve(
  session: SqlSession,
  { name, keys }: ChangedStream,
  columns: readonly string[],
  places: readonly number[],
): Promise<void> {
  const stage = stageTable(name);
  const quotedKeys = keys.map(quoteIdentifier);
  const known = places.map((place) =>
    `last_value(CASE WHEN NOT ${isUnchanged(place)} THEN {'v': ${
      quoteIdentifier(columns[place] ?? "")
    }} END IGNORE NULLS)
       OVER (PARTITION BY ${quotedKeys.join(", ")} ORDER BY ${SEQUENCE}) AS "(k${place})"`
  );
  const stored = places.map((place) => {
    const quoted = quoteIdentifier(columns[place] ?? "");
    return `arg_max({'v': ${quoted}}, ${quoteIdentifier(HISTORY.sequence)}) AS "(r${place})"`;
  });
  const values = columns.map((column, place) => {
    const quoted = quoteIdentifier(column);
    if (!places.includes(place)) return `s.${quoted}`;
    return `CASE WHEN s."(k${place})" IS NOT NULL THEN s."(k${place})".v ELSE r."(r${place})".v END AS ${quoted}`;
  });
  const isLost = places.map((place) => `s."(k${place})" IS NULL AND r."(r${place})" IS NULL`).join(" OR ");
  const from = quotedKeys.map((key) => `CASE WHEN s.${MOVED} = 1 THEN p.${key} ELSE s.${key} END`);
  const about = STAGE_COLUMNS.map((column) => `s.${quoteIdentifier(column)}`);
  await session.run(
    `CREATE TEMP TABLE ${RESOLVED} AS
     WITH s AS (SELECT *, ${known.join(", ")} FROM ${stage}),
     r AS (
       SELECT ${[...quotedKeys, ...stored].join(", ")} FROM ${rawTable(name)}
       WHERE (${quotedKeys.join(", ")}) IN (SELECT (${quotedKeys.join(", ")}) FROM ${stage})
       GROUP BY ${quotedKeys.join(", ")}
     )
     SELECT ${[...about, ...values].join(", ")},
            s.${quoteIdentifier(STAGE.operation)} <> ${operationCode("truncate")} AND (${isLost}) AS "(lost)"
       FROM s LEFT JOIN ${stage} p ON s.${MOVED} = 1 AND p.${SEQUENCE} = s.${SEQUENCE} - 1
       LEFT JOIN r ON ${quotedKeys.map((key, i) => `r.${key} = ${from[i]}`).join(" AND ")}`,
  );
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${RESOLVED} WHERE "(lost)"`);
  if (row?.["n"] !== 0) throw lostValues(name, Number(row?.["n"]));
}
