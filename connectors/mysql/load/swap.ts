import { quoteLiteral } from "../../../contract/sql.ts";
import type { Cell } from "../../destination/system.ts";
import { quoteTable, type TableName } from "../table_name.ts";

/**
 * A statement that defines a table ends the transaction, so a table that a load makes is filled beside and takes
 * the target's place by one RENAME, which is atomic. That the load is done is noted in three steps, each of
 * which tells what to do when the process or the server dies behind it:
 *
 * | step | what is there behind it | then, at the next load of the target |
 * | --- | --- | --- |
 * | COMMIT of the rows beside and of the load's note, its id marked as pending | the table beside | it and the note are dropped: the load did not happen |
 * | RENAME of the old table away and of the new one in its place | no table beside | the mark is taken away: the load happened |
 * | the mark is taken away, the old table dropped | | |
 *
 * All of it happens under the lock of the target, so that who comes next decides for one that is dead.
 */

interface Statements {
  run(sql: string): Promise<number>;
  rows(sql: string): Promise<readonly (readonly Cell[])[]>;
  commit(): Promise<void>;
}

const PENDING = "pending ";

/** The tables beside a target. Their names follow from its own, so that they are found again. */
export interface BesideNames {
  readonly next: TableName;
  readonly old: TableName;
}

/** `mark` is a short hash of the target's name. */
export function besideNames({ database }: TableName, mark: string): BesideNames {
  return {
    next: { database, table: `_sluice_next_${mark}` },
    old: { database, table: `_sluice_old_${mark}` },
  };
}

export interface SwapPlace {
  readonly target: TableName;
  readonly beside: BesideNames;
  /** The ledger's table, as SQL. */
  readonly ledger: string;
  /** The target as the ledger has it. */
  readonly shown: string;
  /** Of GET_LOCK. */
  readonly lockName: string;
}

/** What puts the table beside in the target's place. */
export class Swap {
  readonly #place: SwapPlace;
  readonly #loadId: string;
  readonly #hasOld: boolean;

  /** `hasOld`: whether there is a table whose place is taken. */
  constructor(place: SwapPlace, loadId: string, hasOld: boolean) {
    this.#place = place;
    this.#loadId = loadId;
    this.#hasOld = hasOld;
  }

  /** Marks the load's note, in the transaction that commits the rows beside. */
  async announce(session: Pick<Statements, "run">): Promise<void> {
    await this.#renameNote(session, this.#loadId, PENDING + this.#loadId);
  }

  /** Behind the commit. */
  async perform(session: Pick<Statements, "run">, commit: () => Promise<void>): Promise<void> {
    const { target, beside: { next, old } } = this.#place;
    const [there, away, coming] = [quoteTable(target), quoteTable(old), quoteTable(next)];
    await session.run(
      `RENAME TABLE ${this.#hasOld ? `${there} TO ${away}, ` : ""}${coming} TO ${there}`,
    );
    await this.#renameNote(session, PENDING + this.#loadId, this.#loadId);
    await commit();
    if (this.#hasOld) await session.run(`DROP TABLE ${away}`);
  }

  async #renameNote(session: Pick<Statements, "run">, from: string, to: string): Promise<void> {
    await session.run(
      `UPDATE ${this.#place.ledger} SET load_id = ${quoteLiteral(to)} WHERE load_id = ${quoteLiteral(from)}`,
    );
  }
}

/**
 * Ends what an earlier load of the target left when it died. `hasLedger`: whether there is one to look into.
 * To be called under the target's lock.
 */
export async function recover(session: Statements, place: SwapPlace, hasLedger: boolean): Promise<void> {
  const { target, beside: { next, old }, ledger, shown } = place;
  const found = await session.rows(
    `SELECT TABLE_NAME FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = ${quoteLiteral(target.database)}
        AND TABLE_NAME IN (${[target, next, old].map(({ table }) => quoteLiteral(table)).join(", ")})`,
  );
  const isThere = ({ table }: TableName) =>
    found.some(([name]) => name?.toLowerCase() === table.toLowerCase());
  const pending = !hasLedger ? [] : await session.rows(
    `SELECT load_id FROM ${ledger} WHERE target = ${quoteLiteral(shown)} AND load_id LIKE '${PENDING}%'`,
  );
  if (!isThere(next) && !isThere(old) && pending.length === 0) return;
  const isHalfRenamed = isThere(old) && !isThere(target);
  // Only servers without atomic definitions can have died between the two.
  if (isHalfRenamed) await session.run(`RENAME TABLE ${quoteTable(old)} TO ${quoteTable(target)}`);
  const hasHappened = !isHalfRenamed && !isThere(next) && isThere(target);
  for (const [id] of pending) {
    const note = quoteLiteral(id ?? "");
    await session.run(
      hasHappened
        ? `UPDATE ${ledger} SET load_id = ${
          quoteLiteral(id?.slice(PENDING.length) ?? "")
        } WHERE load_id = ${note}`
        : `DELETE FROM ${ledger} WHERE load_id = ${note}`,
    );
  }
  await session.commit();
  for (const left of [next, old]) {
    if (isThere(left) && !(left === old && isHalfRenamed)) {
      await session.run(`DROP TABLE IF EXISTS ${quoteTable(left)}`);
    }
  }
}
