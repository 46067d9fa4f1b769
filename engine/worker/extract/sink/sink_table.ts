import type { Schema } from "apache-arrow";
import type { StreamDefinition } from "../../../../contract/pipeline/stream.ts";
import { findColumn, quoteIdentifier } from "../../../../contract/sql.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import {
  hasColumns,
  incomingTable,
  incomingTableName,
  nextTable,
  nextTableName,
  rawTable,
  TABLE_WITHOUT_COLUMNS,
  tableColumns,
} from "../../../warehouse/raw_table.ts";
import type { IntakeTarget } from "./batch_intake.ts";
import type { SinkStart } from "./sink_start.ts";

export interface SinkTableOptions {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
}

/**
 * The table that a stream's rows go to until they are settled: the one that will take the stream's place, or one of those
 * rows alone.
 */
export class SinkTable {
  readonly #options: SinkTableOptions;
  readonly #isReplacing: boolean;
  /** Whether the table that takes the stream's place may be there: it is cleared away where no attempt goes on with it. */
  #mayBeThere: boolean;
  #isBegun = false;
  #hasColumns = true;

  constructor(options: SinkTableOptions, { isReplacing, before }: Pick<SinkStart, "isReplacing" | "before">) {
    this.#options = options;
    this.#isReplacing = isReplacing;
    this.#mayBeThere = isReplacing && before !== undefined;
  }

  /** Whether this attempt has made it, since rows were last settled. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** False where neither the source nor the stream's table knows any. */
  get hasColumns(): boolean {
    return this.#hasColumns;
  }

  /** Where the next batches go. */
  async target(): Promise<IntakeTarget> {
    const { name } = this.#options;
    const table = this.#isReplacing
      ? { schema: "raw", name: nextTableName(name) }
      : { schema: "_sluice", name: incomingTableName(name) };
    const isThere = this.#isBegun || await this.#isThere();
    this.#begin();
    return { table, isThere };
  }

  /** Its rows were put where they belong, or it is looked for anew. */
  forget(): void {
    this.#isBegun = false;
  }

  /** Makes it where no row has; `schema` is all that is known of its columns. */
  async makeEmpty(schema: Schema | undefined): Promise<void> {
    if (await this.#isThere()) return;
    await this.#createEmpty(schema);
    this.#begin();
  }

  #begin(): void {
    this.#isBegun = true;
    this.#mayBeThere = this.#isReplacing;
  }

  /** Files without a record say nothing of columns: the stream's table keeps those that it has. */
  async #createEmpty(schema: Schema | undefined): Promise<void> {
    const { session, name, stream } = this.#options;
    const known = schema === undefined ? [] : session.columnsOf(schema);
    const held = await hasColumns(session, name) ? await tableColumns(session, "raw", name) : [];
    const { primary_key: key = [], update_key: order } = stream;
    const isEnough = [...key, ...order === undefined ? [] : [order]].every((one) => findColumn(known, one));
    this.#hasColumns = held.length > 0 || known.length > 0 && isEnough;
    const typed = (held.length > 0 ? held : known).flatMap((column) => {
      const type = findColumn(known, column.name)?.type;
      return type === undefined ? [] : [`CAST(NULL AS ${type}) AS ${quoteIdentifier(column.name)}`];
    });
    const replaced = typed.length === 0 ? "" : `REPLACE (${typed.join(", ")})`;
    const none = held.length > 0
      ? `SELECT * ${replaced} FROM ${rawTable(name)} WHERE false`
      : this.#hasColumns
      ? `SELECT ${typed.join(", ")} WHERE false`
      : TABLE_WITHOUT_COLUMNS;
    const target = this.#isReplacing ? nextTable(name) : incomingTable(name);
    await session.run(`CREATE TABLE ${target} AS ${none}`);
  }

  async #isThere(): Promise<boolean> {
    if (!this.#mayBeThere) return false;
    const { session, name } = this.#options;
    return (await tableColumns(session, "raw", nextTableName(name))).length > 0;
  }
}
