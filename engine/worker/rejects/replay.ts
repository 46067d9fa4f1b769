import { isTextType, triedCast } from "../../../connectors/text_cast/exact_cast.ts";
import { PLAIN_FORMAT } from "../../../connectors/text_cast/value_format.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import {
  type Column,
  findColumn,
  isSameName,
  nameKey,
  quoteIdentifier,
  quoteLiteral,
} from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { appendAllRows, dropOlderRows, mergeRows } from "../../warehouse/raw_rows.ts";
import { incomingTable, tableColumns } from "../../warehouse/raw_table.ts";
import { greatestValue, readState, writeState } from "../../warehouse/stream_state.ts";
import type { Point, Points } from "../points.ts";

export interface Replayed {
  readonly replayed: number;
  /** Why the first of those that do not fit does not; null where all fit. */
  readonly reason: string | null;
}

/**
 * Puts the rejects of a stream through its columns, types and contract as they are now. Those that fit go into
 * the raw table as a read would have put them, and are rejects no more: all in one transaction. Rows that are not
 * objects cannot be told by columns, and stay.
 */
export async function replayRejects(
  session: DuckSession,
  name: string,
  stream: StreamDefinition,
  points: Points,
): Promise<Replayed> {
  const reach = (point: Point) => points.reach(`replay:${name}`, point);
  const result = await session.transaction(async () => {
    const columns = await columnsOf(session, name, stream);
    const incoming = incomingTable(name);
    const tried = `_sluice.${quoteIdentifier(`tried ${name}`)}`;
    await session.run(`CREATE TABLE ${tried} AS ${trySelect(columns)}`, [name]);
    const misfit = misfitOf(columns, stream);
    const list = columns.map(({ name }, i) => `v${i} AS ${quoteIdentifier(name)}`).join(", ");
    await session.run(`CREATE TABLE ${incoming} AS SELECT ${list} FROM ${tried} WHERE ${misfit} IS NULL`);
    const [counts] = await session.rows(
      `SELECT count(*) FILTER (${misfit} IS NULL) AS fitting, min(${misfit}) AS reason FROM ${tried}`,
    );
    const replayed = Number(counts?.["fitting"] ?? 0);
    reach("after stage");
    if (replayed > 0) await store(session, name, stream, incoming);
    reach("after apply");
    await session.run(
      `DELETE FROM _sluice.rejects WHERE rowid IN (SELECT id FROM ${tried} WHERE ${misfit} IS NULL)`,
    );
    await session.run(`DROP TABLE ${incoming}; DROP TABLE ${tried}`);
    reach("before commit");
    const reason = counts?.["reason"];
    return { replayed, reason: typeof reason === "string" ? reason : null };
  });
  reach("after commit");
  return result;
}

interface ReplayColumn extends Column {
  /** The key of a reject's row. */
  readonly key: string;
}

/** The table's columns, and those that the contract lets in, with the types that the stream gives them now. */
async function columnsOf(
  session: DuckSession,
  name: string,
  stream: StreamDefinition,
): Promise<ReplayColumn[]> {
  const held = await tableColumns(session, "raw", name);
  const keys = (await session.rows(
    `SELECT DISTINCT unnest(json_keys("row")) AS key FROM _sluice.rejects
      WHERE stream = ? AND json_type("row") = 'OBJECT' ORDER BY key`,
    [name],
  )).map((row) => String(row["key"]));
  const renames = Object.entries(stream.rename);
  const storedName = (key: string) => renames.find(([from]) => isSameName(from, key))?.[1] ?? key;
  const isChosen = (key: string) =>
    stream.columns === undefined
      ? !stream.exclude?.some((other) => isSameName(other, key))
      : stream.columns.some((other) => isSameName(other, key));
  const byName = new Map(keys.filter(isChosen).map((key) => [nameKey(storedName(key)), key]));
  const added = stream.contract.columns !== "evolve"
    ? []
    : [...byName].filter(([stored]) => findColumn(held, stored) === undefined).map(([, key]) => ({
      name: storedName(key),
      type: "VARCHAR",
    }));
  const columns: ReplayColumn[] = [];
  for (const column of [...held, ...added]) {
    const key = byName.get(nameKey(column.name)) ?? column.name;
    columns.push({ ...column, key, type: await givenType(session, stream, key) ?? column.type });
  }
  return columns;
}

/** The type that `options.columns` gives the source's column, in DuckDB's words; undefined for none, or another's. */
async function givenType(
  session: DuckSession,
  { options, contract }: StreamDefinition,
  key: string,
): Promise<string | undefined> {
  if (contract.types !== "evolve") return undefined;
  const given = options["columns"];
  if (typeof given !== "object" || given === null) return undefined;
  const [, type] = Object.entries(given).find(([name]) => isSameName(name, key)) ?? [];
  if (typeof type !== "string" || !/^[\w\s(),[\]"]+$/.test(type)) return undefined;
  try {
    return (await session.describe(`SELECT CAST(NULL AS ${type}) AS c`))[0]?.type;
  } catch {
    return undefined;
  }
}

/** Each reject of the stream `$1` with the texts `t0 …` of its columns and the values `v0 …` that they make. */
function trySelect(columns: readonly ReplayColumn[]): string {
  const texts = columns.map(({ key }, i) =>
    `json_extract_string("row", ${quoteLiteral(`$."${key.replaceAll('"', '\\"')}"`)}) AS t${i}`
  );
  const values = columns.map(({ type }, i) => `${valueOf(`t${i}`, type)} AS v${i}`);
  return `SELECT id, is_object, ${[...columns.map((_, i) => `t${i}`), ...values].join(", ")} FROM
    (SELECT rowid AS id, by_contract, json_type("row") = 'OBJECT' AS is_object, ${texts.join(", ")}
       FROM _sluice.rejects WHERE stream = $1)`;
}

function valueOf(text: string, type: string): string {
  if (isTextType(type)) return text;
  // Blobs are kept as x'00ff'.
  if (type === "BLOB") return `TRY(unhex(nullif(regexp_extract(${text}, '^x''([0-9a-f]*)''$', 1), '')))`;
  // What a contract has set aside went by the strict rule: '007' is no 7.
  const [strict, given] = [false, true].map((isGiven) => triedCast({ text, type, isGiven }, PLAIN_FORMAT));
  return `CASE WHEN by_contract THEN ${strict} ELSE ${given} END`;
}

/** SQL of why a row does not fit, NULL where it does. */
function misfitOf(columns: readonly ReplayColumn[], stream: StreamDefinition): string {
  const keys = stream.mode === "incremental" ? stream.primary_key ?? [] : [];
  const whens = columns.map(({ name, type }, i) => {
    const told = `concat(${quoteLiteral(`column "${name}" is "`)}, left(t${i}, 200), ${
      quoteLiteral(`", expected ${type}`)
    })`;
    return `WHEN t${i} IS NOT NULL AND v${i} IS NULL THEN ${told}`;
  });
  const nulls = columns.flatMap(({ name }, i) =>
    keys.some((key) => isSameName(key, name))
      ? [`WHEN v${i} IS NULL THEN ${quoteLiteral(`column "${name}" of the primary key has no value`)}`]
      : []
  );
  return `(CASE WHEN is_object IS NOT TRUE THEN 'it is no row with columns: correct the source' ${
    [...whens, ...nulls].join(" ")
  } END)`;
}

/** The cursor goes as far as it would have gone, had the rows fit at once. */
async function store(
  session: DuckSession,
  name: string,
  stream: StreamDefinition,
  incoming: string,
): Promise<void> {
  if (stream.mode === "incremental") {
    await dropOlderRows(session, name, stream, incoming);
    await mergeRows(session, name, stream, incoming);
  } else await appendAllRows(session, name, stream, incoming);
  if (stream.mode === "full" || stream.update_key === undefined) return;
  const state = await readState(session, name);
  const { cursor } = await greatestValue(session, name, stream.update_key);
  const [row] = await session.rows("SELECT run_id FROM _sluice.states WHERE stream = ?", [name]);
  if (cursor !== undefined && state.cursor?.value !== cursor.value) {
    await writeState(session, name, { ...state, cursor }, String(row?.["run_id"] ?? ""));
  }
}

/** Removes the rejects of the stream or load, of these positions or all; returns how many. */
export async function dropRejects(
  session: DuckSession,
  name: string,
  positions: readonly string[] | undefined,
): Promise<number> {
  return await session.run(`DELETE FROM _sluice.rejects WHERE stream = ? AND ${isMeant(positions)}`, [name]);
}

/** SQL of whether a reject is of one of the positions; of any where there are none. */
export const isMeant = (positions: readonly string[] | undefined): string =>
  positions === undefined
    ? "true"
    : `coalesce(position IN (${positions.map(quoteLiteral).join(", ")}), false)`;
