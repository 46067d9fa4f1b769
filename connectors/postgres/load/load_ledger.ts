import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { quoteTable, showTable, type TableName } from "../table_name.ts";
import type { Session } from "../session/session.ts";

/**
 * `_sluice_loads` in the target's schema: one row a load, written in the transaction of its data. It
 * is what makes a load that is repeated change nothing.
 */
export const LEDGER_TABLE = "_sluice_loads";

/** Makes the schema and the ledger where they are missing, in a transaction of their own. */
export async function ensureLedger(session: Session, schema: string): Promise<void> {
  const ledger = quoteTable({ schema, table: LEDGER_TABLE });
  const { rows } = await session.query(`SELECT to_regclass(${quoteLiteral(ledger)}) IS NOT NULL`);
  if (rows[0]?.[0] === "t") return;
  await session.query("BEGIN");
  // IF NOT EXISTS is no protection against another session that makes it at the same time.
  await lockName(session, ledger);
  // CREATE SCHEMA IF NOT EXISTS wants the right to make schemas, also where there is one.
  const found = await session.query(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(schema)})`,
  );
  if (found.rows[0]?.[0] !== "t") await session.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  await session.query(
    `CREATE TABLE IF NOT EXISTS ${ledger} (
       load_id text PRIMARY KEY,
       target text NOT NULL,
       mode text NOT NULL,
       rows bigint NOT NULL,
       made_table oid,
       loaded_at timestamptz NOT NULL DEFAULT now()
     )`,
  );
  await session.query("COMMIT");
}

/**
 * Writes the load's row within the open transaction and answers undefined; where the load has been
 * committed before, answers how many rows it had. A load of the same id that is still under way in
 * another session is waited for.
 */
export async function claimLoad(
  session: Session,
  target: TableName,
  load: { readonly loadId: string; readonly mode: string; readonly rows: number },
): Promise<number | undefined> {
  const ledger = quoteTable({ schema: target.schema, table: LEDGER_TABLE });
  const values = [
    quoteLiteral(load.loadId),
    quoteLiteral(showTable(target)),
    quoteLiteral(load.mode),
    load.rows,
  ];
  const claimed = await session.query(
    `INSERT INTO ${ledger} (load_id, target, mode, rows) VALUES (${values.join(", ")})
     ON CONFLICT (load_id) DO NOTHING RETURNING 1`,
  );
  if (claimed.rows.length === 1) return undefined;
  const known = await session.query(
    `SELECT rows FROM ${ledger} WHERE load_id = ${quoteLiteral(load.loadId)}`,
  );
  return Number(known.rows[0]?.[0] ?? 0);
}

/** Notes that this load made the table: a later replace may then give it other columns. */
export async function noteMadeTable(session: Session, made: TableName, loadId: string): Promise<void> {
  await session.query(
    `UPDATE ${quoteTable({ schema: made.schema, table: LEDGER_TABLE })}
        SET made_table = to_regclass(${quoteLiteral(quoteTable(made))})::oid
      WHERE load_id = ${quoteLiteral(loadId)}`,
  );
}

export async function wasMadeByLoad(session: Session, table: TableName, oid: string): Promise<boolean> {
  const ledger = quoteTable({ schema: table.schema, table: LEDGER_TABLE });
  const { rows } = await session.query(`SELECT EXISTS (SELECT FROM ${ledger} WHERE made_table = ${oid})`);
  return rows[0]?.[0] === "t";
}

/** Holds off every other session that locks the same name, until the transaction ends. */
export async function lockName(session: Session, name: string): Promise<void> {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended(${quoteLiteral(`sluice:${name}`)}, 0))`);
}
