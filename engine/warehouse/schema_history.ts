import { type Column, findColumn, quoteLiteral, type SqlSession } from "../../contract/sql.ts";
import type { SchemaChange, StreamSchema } from "../../contract/stream_schema.ts";
import { addRow } from "./put_row.ts";

/** How the columns of each stream's table have changed, in `_sluice.schemas`. */

/** Of a stream's versions so many are shown, the newest. */
const SHOWN_VERSIONS = 100;

export interface SchemaOfNow {
  readonly columns: readonly Column[];
  /** Columns of the table that the source did not have this time. */
  readonly missing: readonly string[];
}

/**
 * Notes the columns where they are others than those that were noted last; called in the transaction of the rows.
 * Returns what has changed, empty for the first time; undefined where nothing has.
 */
export async function noteSchema(
  session: SqlSession,
  stream: string,
  runId: string,
  now: SchemaOfNow,
): Promise<SchemaChange[] | undefined> {
  const [last] = await session.rows(
    `SELECT version, columns, missing FROM _sluice.schemas WHERE stream = ${quoteLiteral(stream)}
     ORDER BY version DESC LIMIT 1`,
  );
  const before: SchemaOfNow | undefined = last === undefined ? undefined : {
    columns: JSON.parse(String(last["columns"])),
    missing: JSON.parse(String(last["missing"])),
  };
  const changes = before === undefined ? [] : changesBetween(before, now);
  if (before !== undefined && changes.length === 0) return undefined;
  const version = Number(last?.["version"] ?? 0) + 1;
  const texts = [now.columns, now.missing, changes].map((value) => JSON.stringify(value));
  await addRow(session, "_sluice.schemas", [stream, version, runId, new Date(), ...texts]);
  return changes;
}

function changesBetween(before: SchemaOfNow, now: SchemaOfNow): SchemaChange[] {
  const changes: SchemaChange[] = [];
  const added = now.columns.filter(({ name }) => findColumn(before.columns, name) === undefined);
  const isMissing = (all: readonly string[], name: string) => all.includes(name);
  const gone = before.columns.filter(({ name }) => {
    const isThere = findColumn(now.columns, name) !== undefined;
    return !isThere || isMissing(now.missing, name) && !isMissing(before.missing, name);
  });
  for (const { name, type } of added) {
    changes.push({ kind: "added", column: name, message: `column "${name}" is new (${type})` });
  }
  for (const { name, type } of before.columns) {
    const found = findColumn(now.columns, name);
    if (found === undefined || found.type === type) continue;
    changes.push({
      kind: "type",
      column: name,
      message: `column "${name}" was ${type} and is now ${found.type}`,
    });
  }
  for (const { name } of gone) {
    const isKept = findColumn(now.columns, name) !== undefined;
    const what = isKept ? "the source has it no more, new rows have NULL" : "it is gone";
    changes.push({ kind: "dropped", column: name, message: `column "${name}": ${what}` });
  }
  for (const name of before.missing) {
    if (isMissing(now.missing, name) || findColumn(now.columns, name) === undefined) continue;
    changes.push({ kind: "added", column: name, message: `column "${name}" is back` });
  }
  const [one, other] = [gone[0], added[0]];
  if (gone.length === 1 && added.length === 1 && one?.type === other?.type) {
    changes.push({
      kind: "renamed",
      column: other?.name ?? "",
      message:
        `perhaps "${one?.name}" was renamed to "${other?.name}": rename: {${other?.name}: ${one?.name}} ` +
        "on the stream keeps one column",
    });
  }
  return changes;
}

/** The newest versions, the newest first. */
export async function readSchema(session: SqlSession, stream: string): Promise<StreamSchema> {
  const rows = await session.rows(
    `SELECT version, run_id, epoch_ms(changed_at) AS at, columns, missing, changes FROM _sluice.schemas
      WHERE stream = ${quoteLiteral(stream)} ORDER BY version DESC LIMIT ${SHOWN_VERSIONS}`,
  );
  return {
    stream,
    versions: rows.map((row) => ({
      version: Number(row["version"]),
      run: String(row["run_id"]),
      changed_at: new Date(Number(row["at"])).toISOString(),
      columns: JSON.parse(String(row["columns"])),
      missing: JSON.parse(String(row["missing"])),
      changes: JSON.parse(String(row["changes"])),
    })),
  };
}
