import { type ChildTable, childTablesOf } from "../../../../contract/pipeline/child_tables.ts";
import type { StreamDefinition } from "../../../../contract/pipeline/stream.ts";
import type { Column } from "../../../../contract/sql.ts";
import { formatPlural } from "../../../../text/format.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import {
  deleteChildren,
  makeMissingChildren,
  rowsOfOneKey,
  splitNextTable,
  swapInChildren,
} from "../../../warehouse/children/child_rows.ts";
import { hasColumns, incomingTable, nextTable, tableColumns } from "../../../warehouse/raw_table.ts";
import type { ContractReport } from "../../../warehouse/stream_contract.ts";
import { type Held, putIncomingSplit, reportContract } from "./incoming_rows.ts";
import type { StreamRejects } from "../stream_rejects.ts";
import { tellSchema } from "../tell_schema.ts";

/** A child table of a stream, after its rows were written. */
export interface WrittenChild {
  readonly table: string;
  readonly columns: readonly Column[];
  /** Whether the columns are others than before. */
  readonly hasNewSchema: boolean;
}

export interface SinkChildrenOptions {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly runId: string;
  readonly onWarning: (message: string) => void;
}

/** What a stream's sink does for its child tables; nothing where there are none. */
export class SinkChildren {
  readonly #options: SinkChildrenOptions;
  readonly #rejects: StreamRejects;
  readonly #children: readonly ChildTable[];
  /** Of each that got rows the columns that these did not have. */
  readonly #filled = new Map<string, readonly string[]>();
  #areThere = false;

  constructor(options: SinkChildrenOptions, rejects: StreamRejects) {
    this.#options = options;
    this.#rejects = rejects;
    this.#children = childTablesOf(options.name, options.stream);
  }

  get isNone(): boolean {
    return this.#children.length === 0;
  }

  /** Puts new rows of the stream with their children. */
  async put(held: Held, contract: ContractReport): Promise<void> {
    await this.makeMissing();
    if (held.stream.mode === "append") await this.#warnOfOneKey(incomingTable(held.name));
    const missing = new Map<string, readonly string[]>();
    const told = ({ table }: ChildTable) =>
      reportContract(
        this.#rejects,
        this.#options.onWarning,
        (columns) => missing.set(table, columns),
        table,
      );
    for (const { table } of await putIncomingSplit(held, contract, told)) {
      this.#filled.set(table, missing.get(table) ?? []);
    }
  }

  /** For a stream that keeps its rows: makes those that it does not have yet. */
  async makeMissing(): Promise<void> {
    if (this.isNone || this.#areThere) return;
    await makeMissingChildren(this.#options);
    this.#areThere = true;
  }

  /** Before the stream's next table takes its place: so do those of its children. */
  async replace({ isKnown }: { readonly isKnown: boolean }): Promise<void> {
    if (this.isNone) return;
    const { name, stream } = this.#options;
    if (isKnown && stream.mode !== "incremental") await this.#warnOfOneKey(nextTable(name));
    await splitNextTable(this.#options, { isKnown });
    await swapInChildren(this.#options);
    for (const { table } of this.#children) this.#filled.set(table, []);
  }

  /** After what is gone at the source was deleted, or marked. */
  async delete(): Promise<void> {
    if (!this.isNone) await deleteChildren(this.#options);
  }

  /** The child tables as they are now; what is other about their columns than before is noted. */
  async written(): Promise<readonly WrittenChild[]> {
    const { session } = this.#options;
    const written: WrittenChild[] = [];
    for (const { table } of this.#children) {
      if (!await hasColumns(session, table)) continue;
      const columns = await tableColumns(session, "raw", table);
      const missing = this.#filled.get(table);
      const hasNewSchema = missing !== undefined &&
        await tellSchema({ ...this.#options, name: table }, { columns, missing });
      written.push({ table, columns, hasNewSchema });
    }
    return written;
  }

  async #warnOfOneKey(table: string): Promise<void> {
    const { session, stream, onWarning } = this.#options;
    const count = await rowsOfOneKey(session, stream, table);
    if (count === 0) return;
    onWarning(
      `${formatPlural(count, "row")} share their primary key (${
        stream.primary_key?.join(", ")
      }) with another one: ` +
        "the rows of their child tables cannot be told apart",
    );
  }
}
