import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { FileCatalogue } from "../../destination/file_catalogue.ts";
import { LEDGER_TABLE } from "../../destination/ledger.ts";
import type { MadeColumn, SqlSession, TargetColumn } from "../../destination/system.ts";

type Rows = Pick<SqlSession<TargetColumn>, "rows">;

/** What a SQLite file knows of a load's target. */
export class SqliteCatalogue extends FileCatalogue {
  readonly #table: string;
  readonly #goingIndex: string;

  /** `goingIndex` is one that the load takes away before it changes rows, and so counts for nothing. */
  constructor(session: Rows, action: string, table: string, goingIndex = "") {
    super(session, action, quoteIdentifier(table));
    this.#table = table;
    this.#goingIndex = goingIndex;
  }

  protected override async isView(): Promise<boolean> {
    return (await this.#master())?.type === "view";
  }

  /**
   * Whether the table is defined by just those columns and types, and no view or trigger of another table
   * names it; its own indexes and triggers are carried over.
   */
  override async isOurs(made: readonly MadeColumn[]): Promise<boolean> {
    const found = await this.#master();
    if (found === undefined) return false;
    const columns = await this.columns();
    const users = await this.session.rows(
      `SELECT 1 FROM sqlite_master WHERE type IN ('view', 'trigger') AND tbl_name <> ${
        quoteLiteral(this.#table)
      } COLLATE NOCASE AND instr(lower(sql), lower(${quoteLiteral(this.#table)})) > 0 LIMIT 1`,
    );
    if (users.length > 0) return false;
    const list = columns.map(({ name, sql }) => `${quoteIdentifier(name)} ${sql}`).join(", ");
    return found.sql === `CREATE TABLE ${quoteIdentifier(found.name)} (${list})` &&
      columns.every(({ name, sql }) => made.some(([madeName, type]) => madeName === name && type === sql));
  }

  override async ledgerColumns(): Promise<readonly string[]> {
    const rows = await this.session.rows(
      `SELECT name FROM pragma_table_info(${quoteLiteral(LEDGER_TABLE)})`,
    );
    return rows.map(([name]) => name ?? "");
  }

  /** The statements that make the user's indexes and triggers of the table again. */
  async carried(): Promise<{ type: string; name: string; sql: string }[]> {
    const rows = await this.session.rows(
      `SELECT type, name, sql FROM sqlite_master
        WHERE tbl_name = ${quoteLiteral(this.#table)} COLLATE NOCASE AND type IN ('index', 'trigger')
          AND sql IS NOT NULL AND name NOT LIKE '\\_sluice\\_%' ESCAPE '\\'`,
    );
    return rows.map(([type, name, sql]) => ({ type: type ?? "", name: name ?? "", sql: sql ?? "" }));
  }

  async #master(): Promise<{ type: string; name: string; sql: string } | undefined> {
    const [row] = await this.session.rows(
      `SELECT type, name, sql FROM sqlite_master
        WHERE type IN ('table', 'view') AND name = ${quoteLiteral(this.#table)} COLLATE NOCASE`,
    );
    if (row === undefined) return undefined;
    const [type, name, sql] = row;
    return { type: type ?? "", name: name ?? "", sql: sql ?? "" };
  }

  protected override async columns(): Promise<TargetColumn[]> {
    const rows = await this.session.rows(
      `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(${
        quoteLiteral(this.#table)
      })`,
    );
    return rows.map(([name, sql, isNotNull, byDefault, key, hidden]) => ({
      name: name ?? "",
      sql: sql ?? "",
      // An INTEGER PRIMARY KEY is given by SQLite where it is missing.
      isRequired: isNotNull === "1" && byDefault === null && key === "0" && hidden === "0",
      isGenerated: hidden === "2" || hidden === "3",
      numbersNulls: key === "1" && sql?.toUpperCase() === "INTEGER" && rows.every((row) => row[4] !== "2"),
    }));
  }

  /** Of the unique index on just the key. */
  async collations(key: readonly string[]): Promise<readonly string[] | undefined> {
    const rows = await this.session.rows(
      `SELECT l.seq, x.name, x.coll FROM pragma_index_list(${quoteLiteral(this.#table)}) AS l,
              pragma_index_xinfo(l.name) AS x WHERE l."unique" AND NOT l.partial AND x.key`,
    );
    const indexes = [...Map.groupBy(rows, ([index]) => index).values()];
    const own = indexes.find((columns) =>
      columns.length === key.length && key.every((name) => columns.some((column) => column[1] === name))
    );
    const found = own && key.map((name) => own.find((column) => column[1] === name)?.[2] ?? "BINARY");
    return found?.some((collation) => collation !== "BINARY") ? found : undefined;
  }

  protected override async primaryKey(): Promise<string[]> {
    const key = await this.session.rows(
      `SELECT name FROM pragma_table_info(${quoteLiteral(this.#table)}) WHERE pk > 0`,
    );
    return key.map(([name]) => name ?? "");
  }

  protected override async uniqueKeys(): Promise<string[][]> {
    const table = quoteLiteral(this.#table);
    const indexes = await this.session.rows(
      `SELECT l.seq, i.name FROM pragma_index_list(${table}) AS l, pragma_index_info(l.name) AS i
        WHERE l."unique" AND NOT l.partial AND l.name <> ${quoteLiteral(this.#goingIndex)} COLLATE NOCASE`,
    );
    const byIndex = new Map<string, (string | null)[]>();
    for (const [index, name] of indexes) {
      byIndex.set(index ?? "", [...byIndex.get(index ?? "") ?? [], name ?? null]);
    }
    // An expression has no name.
    const named = [...byIndex.values()].filter((names) => !names.includes(null));
    return [await this.primaryKey(), ...named.map((names) => names.map((name) => name ?? ""))];
  }

  /** Triggers on DELETE that delete rows or set columns to NULL, as far as their text tells. */
  override async dependants(): Promise<readonly string[]> {
    const triggers = await this.#triggers();
    const onDelete = /^[^;]*?\bdelete\s+on\b/i;
    const changesOthers = /\bbegin\b[\s\S]*?(?:\bdelete\s+from\b|\bupdate\b[\s\S]*\bset\b[\s\S]*=\s*null\b)/i;
    return triggers.filter(({ sql }) => onDelete.test(sql) && changesOthers.test(sql))
      .map(({ name }) => `what its trigger ${name} does on DELETE`);
  }

  protected override async skippingTriggers(): Promise<string[]> {
    const triggers = await this.#triggers();
    return triggers.filter(({ sql }) => /raise\s*\(\s*ignore/i.test(sql)).map(({ name }) => name);
  }

  async #triggers(): Promise<{ readonly name: string; readonly sql: string }[]> {
    const rows = await this.session.rows(
      `SELECT name, sql FROM sqlite_master
        WHERE type = 'trigger' AND tbl_name = ${quoteLiteral(this.#table)} COLLATE NOCASE`,
    );
    return rows.map(([name, sql]) => ({ name: name ?? "", sql: sql ?? "" }));
  }
}
