import { quoteLiteral } from "../../../contract/sql.ts";
import { FileCatalogue } from "../../destination/file_catalogue.ts";
import { LEDGER_TABLE } from "../../destination/ledger.ts";
import type { Cell, MadeColumn, SqlSession, TargetColumn } from "../../destination/system.ts";
import { quoteTable, type TableName } from "../table_name.ts";

type Rows = Pick<SqlSession<TargetColumn>, "rows">;

/** What a DuckDB file knows of a load's target. */
export class DuckdbCatalogue extends FileCatalogue {
  readonly #name: TableName;

  constructor(session: Rows, action: string, name: TableName) {
    super(session, action, quoteTable(name));
    this.#name = name;
  }

  protected override async isView(): Promise<boolean> {
    const views = await this.session.rows(
      `SELECT 1 FROM duckdb_views() WHERE NOT internal AND ${this.#where("view_name")}`,
    );
    return views.length > 0;
  }

  /** A table of just those columns, without constraints, indexes, defaults, comments, and views that name it. */
  override async isOurs(made: readonly MadeColumn[]): Promise<boolean> {
    const table = quoteLiteral(this.#name.table);
    const [plain] = await this.session.rows(
      `SELECT 1 FROM duckdb_tables()
        WHERE ${
        this.#where("table_name")
      } AND comment IS NULL AND index_count = 0 AND check_constraint_count = 0
          AND NOT EXISTS (SELECT 1 FROM duckdb_constraints() WHERE ${this.#where("table_name")})
          AND NOT EXISTS (SELECT 1 FROM duckdb_columns() WHERE ${this.#where("table_name")}
                             AND (column_default IS NOT NULL OR comment IS NOT NULL))
          AND NOT EXISTS (SELECT 1 FROM duckdb_views()
                           WHERE NOT internal AND database_name = current_database()
                             AND contains(lower(sql), lower(${table})))
          AND NOT EXISTS (SELECT 1 FROM duckdb_functions()
                           WHERE NOT internal AND database_name = current_database()
                             AND contains(lower(macro_definition), lower(${table})))`,
    );
    if (plain === undefined) return false;
    return (await this.columns()).every(({ name, sql }) =>
      made.some(([madeName, type]) => madeName === name && type === sql)
    );
  }

  override async ledgerColumns(): Promise<readonly string[]> {
    const rows = await this.session.rows(
      `SELECT column_name FROM duckdb_columns()
        WHERE database_name = current_database() AND lower(schema_name) = lower(${
        quoteLiteral(this.#name.schema)
      }) AND table_name = ${quoteLiteral(LEDGER_TABLE)}`,
    );
    return rows.map(([name]) => name ?? "");
  }

  /** The condition for this table in one of DuckDB's own lists. */
  #where(column: string): string {
    const { schema, table } = this.#name;
    return `database_name = current_database() AND lower(schema_name) = lower(${quoteLiteral(schema)}) ` +
      `AND lower(${column}) = lower(${quoteLiteral(table)})`;
  }

  protected override async columns(): Promise<TargetColumn[]> {
    const rows = await this.session.rows(
      `SELECT column_name, data_type, NOT is_nullable AND column_default IS NULL FROM duckdb_columns()
        WHERE ${this.#where("table_name")} ORDER BY column_index`,
    );
    return rows.map(([name, sql, isRequired]: readonly Cell[]) => ({
      name: name ?? "",
      sql: sql ?? "",
      isRequired: isRequired === "true",
      isGenerated: false,
    }));
  }

  protected override async primaryKey(): Promise<string[]> {
    const rows = await this.session.rows(
      `SELECT unnest(constraint_column_names) FROM duckdb_constraints()
        WHERE ${this.#where("table_name")} AND constraint_type = 'PRIMARY KEY'`,
    );
    return rows.map(([name]) => name ?? "");
  }

  protected override async uniqueKeys(): Promise<string[][]> {
    const rows = await this.session.rows(
      `SELECT constraint_index, unnest(constraint_column_names) FROM duckdb_constraints()
        WHERE ${this.#where("table_name")} AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')`,
    );
    const keys = new Map<Cell, string[]>();
    for (const [index = "", column] of rows) keys.set(index, [...keys.get(index) ?? [], column ?? ""]);
    return [...keys.values()];
  }
}
