import type { Reject, StreamRequest } from "../../../contract/connector/source.ts";
import { findColumn, quoteIdentifier, quoteLiteral, type SqlValue } from "../../../contract/sql.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { recordRejects, recordRejectsOf } from "../../warehouse/rejects.ts";
import { MASKED_REASON, RejectLimit } from "./reject_limit.ts";
import { rowConditions } from "./row_conditions.ts";
import type { StreamShape } from "./stream_shape.ts";

/** Rejects wait until there are so many, or until the next commit. */
const REJECTS_AT_ONCE = 200;
/** Columns of a scan's rejects that are not the stream's. */
const REJECT_COLUMNS = 3;

export interface RejectSource {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly runId: string;
  readonly attempt: number;
}

/** The rows of a stream that do not fit, as far as it allows them; written in the transaction of those that do. */
export class StreamRejects {
  readonly #source: RejectSource;
  readonly #limit: RejectLimit;
  #waiting: Reject[] = [];

  private constructor(source: RejectSource, limit: RejectLimit) {
    this.#source = source;
    this.#limit = limit;
  }

  /** Goes on from what the run has committed. */
  static async open(source: RejectSource): Promise<StreamRejects> {
    return new StreamRejects(source, await RejectLimit.open(source.session, source));
  }

  /** All that were kept aside, by the stream's contract too. */
  get taken(): number {
    return this.#limit.taken;
  }

  /** Whether rows are kept that other runs could not take. */
  get hasEarlier(): boolean {
    return this.#limit.hasEarlier;
  }

  /** Keeps a row. Throws `invalid` where the stream allows no more of them. */
  async take(reject: Reject): Promise<void> {
    this.#waiting.push(this.#limit.take(reject));
    if (this.#waiting.length >= REJECTS_AT_ONCE) await this.write();
  }

  /** Writes those that wait. */
  async write(): Promise<void> {
    await recordRejects(this.#source.session, this.#origin, this.#waiting);
    this.#waiting = [];
  }

  /**
   * Keeps the rows of a scan that do not fit, those that the stream would not have read apart. Where it is not
   * known, as a condition on the very value that does not fit, the row is kept.
   */
  async takeScanned(
    rejects: string,
    shape: StreamShape,
    position: Pick<StreamRequest, "cursor" | "until">,
  ): Promise<void> {
    const { session, name } = this.#source;
    const columns = await session.describe(`SELECT * FROM ${rejects}`);
    const { cursor, until } = shape.inSource(position);
    const bound = cursor ?? until;
    const isBound = bound !== undefined && findColumn(columns, bound.column) !== undefined;
    const params: SqlValue[] = [];
    const bind = (value: SqlValue) => `$${params.push(value)}`;
    const hasColumns = columns.length > REJECT_COLUMNS;
    const conditions = hasColumns ? rowConditions(shape, isBound ? position : {}, columns, bind) : [];
    const condition = conditions.map((one) => `(${one}) IS NOT FALSE`).join(" AND ") || "true";
    const told = this.#limit.hasMasks
      ? [quoteLiteral(MASKED_REASON), "'null'"]
      : ["_sluice_reason", "_sluice_row"];
    const kept = `_sluice.${quoteIdentifier(`rejects ${name}`)}`;
    await session.run(
      `CREATE TABLE ${kept} AS SELECT ${told[0]} AS reason, _sluice_position AS position, ${told[1]} AS "row"
         FROM ${rejects} WHERE ${condition}`,
      params,
    );
    const count = await recordRejectsOf(session, this.#origin, kept);
    await this.#limit.takeKept(count, async (index) => {
      const [row] = await session.rows(`SELECT reason, position FROM ${kept} LIMIT 1 OFFSET ${index}`);
      const { reason, position } = row ?? {};
      return {
        reason: String(reason),
        position: typeof position === "string" ? position : null,
        row: null,
      };
    });
    await session.run(`DROP TABLE ${kept}`);
  }

  /**
   * Keeps the rows of a relation that the stream's contract sets aside, their reasons with `where` before them; returns how
   * many they are.
   */
  async takeByContract(relation: string, where = ""): Promise<number> {
    const reason = `${quoteLiteral(where)} || reason`;
    const count = await recordRejectsOf(
      this.#source.session,
      { ...this.#origin, byContract: true },
      where === "" ? relation : `(SELECT ${reason} AS reason, position, "row" FROM ${relation})`,
    );
    this.#limit.discard(count);
    return count;
  }

  /** To be called at the end: `rows` are those that fit. Throws `invalid` where the share of the others is too large. */
  check(rows: number): void {
    this.#limit.check(rows);
  }

  get #origin() {
    const { name, runId, attempt } = this.#source;
    return { stream: name, runId, attempt };
  }
}
