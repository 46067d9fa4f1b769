import type { Load } from "../../../contract/connector/destination.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import type { LoadDefinition } from "../../../contract/pipeline/load.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { forgetSent, notePending, recordSent, type SentLoad, sentLoadOf } from "../../warehouse/sent_rows.ts";
import { refuseKeyTwice, type RowsToLoad } from "./rows_to_load.ts";

export interface ChangedRowsOptions {
  readonly session: DuckSession;
  readonly stepName: string;
  readonly loadId: string;
  readonly load: LoadDefinition;
  /** What else decides where the rows go, as text. */
  readonly place: string;
  /** All rows are asked for. */
  readonly sendsAll: boolean;
  readonly log: (message: string) => void;
}

/** The keys of the rows, each with the hash of its row, as SQL. */
export function hashedRows(rows: string, key: readonly string[]): string {
  return `SELECT ${key.map(quoteIdentifier).join(", ")}, md5(CAST(_sluice_row AS VARCHAR)) AS _sluice_hash
       FROM (${rows}) AS _sluice_row`;
}

/** The hashes of the rows as they are now, in a table of the session's own. */
const NOW = "temp._sluice_sent_now";

/**
 * Which rows a load with `changed_only` sends: those that differ from what the last load of the step sent, where
 * it is certain that the destination has just that; else all. It is certain where that load is the last that
 * the destination knows of this table, no later one may have taken effect unnoticed, and the load, its connector
 * and the columns are the same.
 */
export class ChangedRows {
  readonly #options: ChangedRowsOptions;
  readonly #base: SentLoad | undefined;
  #fingerprint = "";
  #isChosen = false;

  private constructor(options: ChangedRowsOptions, base: SentLoad | undefined) {
    this.#options = options;
    this.#base = base;
  }

  /** To be called, and its note committed, before the load begins. */
  static async begin(options: ChangedRowsOptions): Promise<ChangedRows> {
    const { session, stepName, loadId } = options;
    return await session.transaction(async () => {
      const base = await sentLoadOf(session, stepName);
      // One that is pending is known to be in vain, or noted as repeated, where it is this same load.
      const isSure = base !== undefined && (base.pending === null || base.pending === loadId);
      if (base !== undefined && !isSure) await forgetSent(session, stepName);
      await notePending(session, stepName, loadId);
      return new ChangedRows(options, isSure ? base : undefined);
    });
  }

  /** What is sent of the rows; to be called when the load is claimed. Throws `invalid` for a key that comes twice. */
  async choose(chosen: RowsToLoad, claimed: Pick<Load, "isAfter">): Promise<RowsToLoad> {
    const { session, load, sendsAll, log } = this.#options;
    const key = load.primary_key ?? [];
    await refuseKeyTwice(session, chosen.rows, key);
    this.#fingerprint = await this.#fingerprintOf(chosen.rows);
    const names = key.map(quoteIdentifier).join(", ");
    await session.run(
      `CREATE OR REPLACE TEMP TABLE _sluice_sent_now AS ${hashedRows(chosen.rows, key)}`,
    );
    this.#isChosen = true;
    const base = this.#base;
    const isKnown = !sendsAll && base !== undefined && base.fingerprint === this.#fingerprint &&
      await claimed.isAfter?.(base.loadId) === true;
    if (!isKnown) {
      log("Sends all rows: what the destination has is not known for certain");
      return chosen;
    }
    const same = (one: string, other: string) =>
      key.map(quoteIdentifier).map((name) => `${one}.${name} = ${other}.${name}`).join(" AND ");
    const changed = `SELECT n.* FROM ${NOW} AS n LEFT JOIN ${base.keys} AS s ON ${same("n", "s")}
      WHERE s._sluice_hash IS DISTINCT FROM n._sluice_hash`;
    const vanished = `SELECT ${names} FROM ${base.keys} AS s ANTI JOIN ${NOW} AS n ON ${same("s", "n")}`;
    const gone = [
      ...(chosen.gone === undefined ? [] : [chosen.gone]),
      ...(load.deletes === "ignore" ? [] : [vanished]),
    ];
    const [counted] = await session.rows(
      `SELECT (SELECT count(*) FROM (${changed})) AS changed, (SELECT count(*) FROM ${NOW}) AS all_rows`,
    );
    log(
      `Sends ${counted?.["changed"]} of ${
        counted?.["all_rows"]
      } rows, those that changed since the last load`,
    );
    return {
      rows: `SELECT r.* FROM (${chosen.rows}) AS r SEMI JOIN (${changed}) AS c ON ${same("r", "c")}`,
      ...(gone.length === 0 ? {} : { gone: gone.join(" UNION ") }),
      isPartial: true,
    };
  }

  /**
   * Notes what the destination has now; to be called in the transaction of the step's record. Of a load that an
   * earlier attempt committed it is not known which rows those were.
   */
  async record(isRepeated: boolean): Promise<void> {
    const { session, stepName, loadId } = this.#options;
    if (isRepeated || !this.#isChosen) return await forgetSent(session, stepName);
    await recordSent(session, stepName, {
      loadId,
      fingerprint: this.#fingerprint,
      keys: `SELECT * FROM ${NOW}`,
    });
  }

  /** Frees what the session holds. */
  async end(): Promise<void> {
    await this.#options.session.run("DROP TABLE IF EXISTS temp._sluice_sent_now");
  }

  async #fingerprintOf(rows: string): Promise<string> {
    const { session, load, place } = this.#options;
    const { pre_sql: _pre, post_sql: _post, ...rest } = load;
    const columns = await session.describe(rows);
    const [hashed] = await session.rows("SELECT md5(?) AS h", [JSON.stringify([rest, place, columns])]);
    return String(hashed?.["h"]);
  }
}
