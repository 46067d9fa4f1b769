import type { KnownLoad } from "../../../contract/jobs/verify_job.ts";
import type { NamedLoad } from "../../../contract/pipeline/named_loads.ts";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { STORAGE_VERSION } from "../../duckdb/database.ts";
import { attachText } from "../../duckdb/attach/encrypted.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { tableColumns } from "../../warehouse/raw_table.ts";
import { sentLoadOf } from "../../warehouse/sent_rows.ts";
import { type Counted, countRows, isComparable } from "../load.ts";
import { hashedRows } from "../loads/changed_rows.ts";
import { type RowsToLoad, rowsToLoad } from "../loads/rows_to_load.ts";

/** What a load would send now, kept outside of the warehouse so that runs need not wait while targets are read. */
export interface KeptRows {
  /** As SELECTs in the file of kept rows. */
  readonly chosen: RowsToLoad;
  readonly counted: Counted;
  /**
   * Whether they are what the last load left at its target, as far as the warehouse knows; undefined where it does
   * not know.
   */
  readonly isAsLoaded: boolean | undefined;
}

/** The database, attached to the warehouse's, that keeps the rows. */
const ATTACHED = "_sluice_kept";

/** The file of kept rows: attached while `work` goes on, encrypted as the warehouse is. Its path is one that the session may use. */
export async function withKeptFile<T>(
  session: DuckSession,
  path: string,
  key: WarehouseKey | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await session.run(
    attachText(path, ATTACHED, [`STORAGE_VERSION ${quoteLiteral(STORAGE_VERSION)}`], key?.key),
  );
  const result = await work();
  await session.run(`DETACH ${ATTACHED}`);
  return result;
}

/** Whether the warehouse has the table or view. */
export async function isThere(session: DuckSession, node: string, table: string): Promise<boolean> {
  const schema = node.startsWith("model:") ? "main" : "raw";
  return (await tableColumns(session, schema, table)).length > 0;
}

/** Keeps what the load would send of the relation. `index` tells loads apart. Throws `invalid` as a load does. */
export async function keepRows(
  session: DuckSession,
  { step, target }: NamedLoad,
  relation: string,
  known: KnownLoad | undefined,
  index: number,
): Promise<KeptRows> {
  const chosen = await rowsToLoad(session, relation, target);
  const [rows, gone] = [`rows ${index}`, `gone ${index}`].map(quoteIdentifier);
  await session.run(`CREATE TABLE ${ATTACHED}.main.${rows} AS ${chosen.rows}`);
  if (chosen.gone !== undefined) {
    await session.run(`CREATE TABLE ${ATTACHED}.main.${gone} AS ${chosen.gone}`);
  }
  const relationNow = `${ATTACHED}.main.${rows}`;
  const counted = await countRows(session, relationNow);
  const { hash, rows: sent } = known?.receipt ?? {};
  const isAsLoaded = target.changed_only
    ? await isAsSent(session, step, relationNow, target.primary_key ?? [])
    : hash === undefined || !isComparable(hash)
    ? undefined
    : counted.hash === hash && counted.rows === sent;
  return {
    chosen: {
      rows: `SELECT * FROM main.${rows}`,
      ...(chosen.gone === undefined ? {} : { gone: `SELECT * FROM main.${gone}` }),
    },
    counted,
    isAsLoaded,
  };
}

/** Of a load that sends only what changed: whether nothing would be sent now. */
async function isAsSent(
  session: DuckSession,
  step: string,
  relation: string,
  key: readonly string[],
): Promise<boolean | undefined> {
  const sent = await sentLoadOf(session, step);
  if (sent === undefined || sent.pending !== null) return undefined;
  const on = key.map(quoteIdentifier).map((name) => `n.${name} = s.${name}`).join(" AND ");
  const [row] = await session.rows(
    `SELECT NOT EXISTS (
       FROM (${hashedRows(`SELECT * FROM ${relation}`, key)}) AS n
       FULL JOIN ${sent.keys} AS s ON ${on}
       WHERE n._sluice_hash IS DISTINCT FROM s._sluice_hash
     ) AS same`,
  );
  return row?.["same"] === true;
}
