import type { Reject } from "../../../contract/connector/source.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import type { SqliteRow, SqliteValue } from "../database.ts";
import { builderOf } from "./builder_of.ts";
import { type ColumnBuilder, MisfitError } from "./column_builder.ts";
import { explainMisfit } from "./misfit.ts";
import type { Column, Plan } from "./plan.ts";

const ROWS_AT_ONCE = 256;

/**
 * Takes the rows out that do not fit their columns. The builders decide that, as in a read that lets none
 * pass: rows are tried on builders of its own first, all of a slice together and one by one only where
 * one of them does not fit.
 */
export class RowSieve {
  readonly #plan: Plan;
  readonly #slices: readonly Trial[];
  readonly #singles: readonly Trial[];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#slices = plan.columns.map((column) => new Trial(plan, column, ROWS_AT_ONCE));
    this.#singles = plan.columns.map((column) => new Trial(plan, column, 1));
  }

  /** What has to be selected after the columns' values for `sift`. */
  static select({ columns, rowid }: Plan): string[] {
    return [...columns.map(({ name }) => quoteIdentifier(name)), rowid ?? "NULL"];
  }

  sift(rows: readonly SqliteRow[]): { readonly fitting: readonly SqliteRow[]; readonly rejects: Reject[] } {
    const fitting: SqliteRow[] = [];
    const rejects: Reject[] = [];
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
      const slice = rows.slice(from, from + ROWS_AT_ONCE);
      if (this.#slices.every((trial, column) => trial.fits(slice, column))) {
        fitting.push(...slice);
        continue;
      }
      for (const row of slice) {
        const misfits = this.#plan.columns.filter((_, at) => this.#singles[at]?.fits([row], at) === false);
        if (misfits.length === 0) fitting.push(row);
        else rejects.push(this.#reject(row, misfits));
      }
    }
    return { fitting, rejects };
  }

  #reject(row: SqliteRow, misfits: readonly Column[]): Reject {
    const { columns, encoding } = this.#plan;
    const values = row.slice(columns.length, 2 * columns.length);
    const reasons = misfits.map((column) => {
      const value = values[columns.indexOf(column)] ?? null;
      const { what } = explainMisfit(column, storageOf(value), String(jsonOf(value)), encoding);
      return `column "${column.name}" ${what}, expected ${column.type.text}`;
    });
    const rowid = row[2 * columns.length] ?? null;
    return {
      reason: reasons.join("; "),
      position: rowid === null ? null : `rowid ${rowid}`,
      row: Object.fromEntries(columns.map(({ name }, at) => [name, jsonOf(values[at] ?? null)])),
    };
  }
}

/** A builder of a column that is only asked whether values fit. */
class Trial {
  readonly #make: () => ColumnBuilder;
  #builder: ColumnBuilder;

  constructor({ encoding }: Plan, { type }: Column, capacity: number) {
    this.#make = () => builderOf(type, capacity, encoding);
    this.#builder = this.#make();
  }

  fits(rows: readonly SqliteRow[], column: number): boolean {
    try {
      this.#builder.append(rows, column);
      this.#builder.finish(rows.length);
      return true;
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      this.#builder = this.#make();
      return false;
    }
  }
}

function storageOf(value: SqliteValue): string {
  if (value === null) return "null";
  if (typeof value === "bigint") return "integer";
  if (typeof value === "number") return "real";
  return typeof value === "string" ? "text" : "blob";
}

/** Integers that JSON's readers would round are texts, and blobs are SQLite's literals, as `x'00ff'`. */
function jsonOf(value: SqliteValue): JsonValue {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  return value instanceof Uint8Array ? `x'${value.toHex()}'` : value;
}
