import type { LoadReceipt, LoadRequest } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { COMMITTED_KEPT_DAYS } from "../../contract/run.ts";
import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import type { LedgerDialect, MadeColumn, SqlTarget, TargetColumn } from "./system.ts";

/**
 * `_sluice_loads` beside the target: one row a load, written in the transaction of its rows. It is what
 * makes a load that is repeated change nothing, and it notes which tables loads have made.
 *
 * Ledgers of the first release lack some of these columns and get them. What is written is ASCII, but
 * for names of tables.
 */
export const LEDGER_TABLE = "_sluice_loads";

/** Throws `invalid` for the name of a table that is ours. */
export function checkTableName(action: string, table: string): void {
  if (table.toLowerCase() !== LEDGER_TABLE) return;
  throw new AppError("invalid", `${action}: Sluice keeps its own notes there`);
}

/** The reason of an error that says what the ledger's owner has to run. */
const NO_LEDGER = "no_ledger";

type AnyTarget = SqlTarget<TargetColumn>;

interface MadeTable {
  readonly identity: string;
  /** Undefined where a release noted it that did not note columns. */
  readonly columns: readonly MadeColumn[] | undefined;
}

export class LoadLedger {
  readonly #target: AnyTarget;
  readonly #dialect: LedgerDialect;
  #columns: ReadonlySet<string> = new Set();

  constructor(target: AnyTarget, dialect: LedgerDialect) {
    this.#target = target;
    this.#dialect = dialect;
  }

  /**
   * Makes the ledger where it is missing, brings an old one up to date, and forgets old loads, but not the
   * requested one. Outside of the load's transaction.
   */
  async prepare(request: LoadRequest): Promise<void> {
    await this.#allowed(() => this.#prepare(request));
  }

  async #prepare(request: LoadRequest): Promise<void> {
    const { session, catalogue, name } = this.#target;
    let held = await catalogue.ledgerColumns();
    if (held.length === 0) {
      await this.#apart(() => this.#create());
      held = await catalogue.ledgerColumns();
    }
    const missing = Object.entries(this.#definitions()).filter(([column]) => !held.includes(column));
    if (missing.length > 0) {
      await this.#apart(async () => {
        for (const [column, type] of missing) {
          // What an old row lacks it may lack.
          const sql = `ALTER TABLE ${name.ledger} ADD COLUMN ${this.#quote(column)} ${
            type.replace(/ (NOT NULL|DEFAULT).*/, "")
          }`;
          await session.run(sql);
        }
      });
    }
    this.#columns = new Set([...held, ...missing.map(([column]) => column)]);
    await this.#forgetOld(request);
  }

  /**
   * Takes the load's id in the open transaction; returns the receipt where it was committed before. A system
   * that `claimsLate` keeps other loads of the target away by its lock, and notes the id in finish().
   */
  async claim(request: LoadRequest): Promise<LoadReceipt | undefined> {
    return await this.#allowed(() => this.#claim(request));
  }

  async #claim(request: LoadRequest): Promise<LoadReceipt | undefined> {
    const { session, name } = this.#target;
    const { loadId, earlierLoadId, mode } = request;
    if (earlierLoadId !== undefined && session.isUnicode) {
      const known = await this.#receipt(earlierLoadId);
      if (known !== undefined) return known;
    }
    if (this.#dialect.claimsLate) return await this.#receipt(loadId);
    const values = [loadId, name.shown, mode].map(quoteLiteral);
    const claimed = await session.run(
      `INSERT INTO ${name.ledger} (load_id, target, mode, "rows", loaded_at)
       VALUES (${values.join(", ")}, 0, ${this.#dialect.now}) ON CONFLICT (load_id) DO NOTHING`,
    );
    return claimed === 1 ? undefined : await this.#receipt(loadId);
  }

  /** Whether the load was the last of this target, but for `ownId`; two of one moment leave that open. */
  async isLast(loadId: string, ownId: string): Promise<boolean> {
    const { session, name } = this.#target;
    const others = `FROM ${name.ledger} WHERE target = ${quoteLiteral(name.shown)} AND load_id <> ${
      quoteLiteral(ownId)
    }`;
    const last = await session.rows(
      `SELECT load_id ${others} AND loaded_at = (SELECT max(loaded_at) ${others})`,
    );
    return last.length === 1 && last[0]?.[0] === loadId;
  }

  /** Writes what the claimed load did. `made` are the columns that loads gave the table, where a load made it. */
  async finish(
    { loadId, mode }: LoadRequest,
    receipt: LoadReceipt,
    made: readonly MadeColumn[] | undefined,
  ): Promise<void> {
    const { session, name, catalogue } = this.#target;
    const { rows, inserted, updated, deleted, hash, sizeBytes } = receipt;
    const note = made === undefined
      ? "NULL"
      : quoteLiteral(JSON.stringify({ identity: await catalogue.identity(), columns: made }));
    const noted = quoteLiteral(JSON.stringify({ inserted, updated, deleted, hash, sizeBytes }));
    if (this.#dialect.claimsLate) {
      const values = [loadId, name.shown, mode].map(quoteLiteral);
      await session.run(
        `INSERT INTO ${name.ledger} (load_id, target, mode, "rows", made, receipt, loaded_at)
         VALUES (${values.join(", ")}, ${rows}, ${note}, ${noted}, ${this.#dialect.now})`,
      );
      return;
    }
    await session.run(
      `UPDATE ${name.ledger} SET "rows" = ${rows}, made = ${note}, receipt = ${noted}, loaded_at = ${this.#dialect.now}
        WHERE load_id = ${quoteLiteral(loadId)}`,
    );
  }

  /** The newest note of a load that made a table of this name. */
  async madeTable(): Promise<MadeTable | undefined> {
    const { session, name } = this.#target;
    const [noted] = await session.rows(
      `SELECT made FROM ${name.ledger} WHERE target = ${quoteLiteral(name.shown)} AND made IS NOT NULL
        ORDER BY loaded_at DESC LIMIT 1`,
    );
    if (noted?.[0] !== undefined && noted[0] !== null) return JSON.parse(noted[0]);
    return await this.#madeByFirstRelease();
  }

  async #madeByFirstRelease(): Promise<MadeTable | undefined> {
    const { session, name, catalogue } = this.#target;
    if (this.#columns.has("made_table")) {
      const identity = await catalogue.identity();
      const found = await session.rows(
        `SELECT 1 FROM ${name.ledger} WHERE CAST(made_table AS VARCHAR) = ${quoteLiteral(identity)} LIMIT 1`,
      );
      return found.length === 0 ? undefined : { identity, columns: undefined };
    }
    // A ledger without that column noted no tables: any that it has loaded may be ours, by its shape.
    const found = await session.rows(
      `SELECT 1 FROM ${name.ledger} WHERE target = ${
        quoteLiteral(name.shown)
      } AND receipt IS NULL AND mode IS NULL LIMIT 1`,
    );
    return found.length === 0 ? undefined : { identity: await catalogue.identity(), columns: undefined };
  }

  async #receipt(loadId: string): Promise<LoadReceipt | undefined> {
    const { session, name } = this.#target;
    const [found] = await session.rows(
      `SELECT ${this.#target.dialect.textOf(`"rows"`)}, receipt FROM ${name.ledger} WHERE load_id = ${
        quoteLiteral(loadId)
      }`,
    );
    if (found === undefined) return undefined;
    const [rows = "0", receipt = null] = found;
    const none = { inserted: null, updated: null, deleted: null, hash: null, sizeBytes: 0 };
    return { ...none, ...(receipt === null ? {} : JSON.parse(receipt)), rows: Number(rows), repeated: true };
  }

  #quote(name: string): string {
    return this.#dialect.quote?.(name) ?? quoteIdentifier(name);
  }

  #definitions(): Record<string, string> {
    const { text, key = text, integer, time, now } = this.#dialect;
    return {
      load_id: `${key} NOT NULL PRIMARY KEY`,
      target: `${text} NOT NULL`,
      mode: text,
      rows: `${integer} NOT NULL`,
      receipt: text,
      made: text,
      loaded_at: `${time} NOT NULL DEFAULT (${now})`,
    };
  }

  async #create(): Promise<void> {
    const { name } = this.#target;
    const columns = Object.entries(this.#definitions()).map(([column, type]) =>
      `${this.#quote(column)} ${type}`
    );
    const create = `CREATE TABLE IF NOT EXISTS ${name.ledger} (${columns.join(", ")})`;
    await this.#allowed(() => this.#target.makeLedger(create), `${create}; `);
  }

  /** Where the user may not do the work, the error says what its owner has to run: `first`, and the grants. */
  async #allowed<T>(work: () => Promise<T>, first = ""): Promise<T> {
    const { session, action, grantLedger } = this.#target;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "forbidden" || grantLedger === undefined) {
        throw error;
      }
      if (error.reason === NO_LEDGER) throw error;
      await session.rollback();
      throw new AppError(
        "forbidden",
        `${action}: ${
          withoutAction(error.message, action)
        }. Sluice notes in the table ${LEDGER_TABLE} beside the ` +
          `target which loads are done, and may not ${first === "" ? "use" : "make"} it. ` +
          `Let its owner run once: ${first}${await grantLedger()}`,
        { reason: NO_LEDGER, cause: error },
      );
    }
  }

  /** Old loads go, but for the newest note of each table that a load made. */
  async #forgetOld({ loadId, earlierLoadId = loadId }: LoadRequest): Promise<void> {
    const { session, name } = this.#target;
    const ids = session.isUnicode ? [loadId, earlierLoadId] : [loadId];
    const isOld = `l.load_id NOT IN (${ids.map(quoteLiteral).join(", ")}) AND l.loaded_at < ${
      this.#dialect.daysAgo(COMMITTED_KEPT_DAYS)
    }`;
    const isNoted = this.#columns.has("made_table")
      ? "(l.made IS NOT NULL OR l.made_table IS NOT NULL)"
      : "l.made IS NOT NULL";
    const condition = `${isOld} AND (NOT ${isNoted} OR EXISTS (SELECT 1 FROM ${name.ledger} AS newer
      WHERE newer.target = l.target AND newer.made IS NOT NULL AND newer.loaded_at > l.loaded_at))`;
    const old = await session.rows(`SELECT l.load_id FROM ${name.ledger} AS l WHERE ${condition} LIMIT 1`);
    if (old.length === 0) return;
    try {
      await this.#apart(() =>
        session.run(
          // A table of its own between: some systems do not read the one that they delete from.
          `DELETE FROM ${name.ledger} WHERE load_id IN (SELECT old.load_id FROM (
             SELECT DISTINCT l.load_id FROM ${name.ledger} AS l WHERE ${condition}) AS old)`,
        )
      );
    } catch (error) {
      // A user without the right to delete keeps them.
      if (!(error instanceof AppError) || error.code !== "forbidden") throw error;
    }
  }

  async #apart(work: () => Promise<unknown>): Promise<void> {
    const { session } = this.#target;
    await session.begin();
    try {
      await work();
      await session.commit();
    } catch (error) {
      await session.rollback().catch(() => {});
      throw error;
    }
  }
}

const withoutAction = (message: string, action: string): string =>
  message.startsWith(`${action}: `) ? message.slice(action.length + 2) : message;
