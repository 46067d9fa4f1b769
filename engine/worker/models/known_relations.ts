import { nameKey, type SqlSession } from "../../../contract/sql.ts";
import { type RelationKind, relationKind } from "../../../sql/build/materialize.ts";
import type { Model } from "../../../sql/language/model.ts";

/**
 * What stood in main before the first model of a run was built: each model is the only one that makes what bears its
 * name. A name is known once; who builds the model a second time, after a failure, asks DuckDB.
 */
export class KnownRelations {
  readonly #kinds: ReadonlyMap<string, RelationKind>;
  /** Those that are not known, or not any more. */
  readonly #open: Set<string>;

  constructor(kinds: ReadonlyMap<string, RelationKind>, open: Iterable<string>) {
    this.#kinds = kinds;
    this.#open = new Set(open);
  }

  /** All at once: DuckDB makes up its lists whole. What a renamed model takes over moves while the run goes on. */
  static async read(session: SqlSession, models: readonly Model[]): Promise<KnownRelations> {
    const mine = "database_name = current_database() AND schema_name = 'main' AND NOT internal";
    const rows = await session.rows(
      `SELECT 'table' AS kind, table_name AS name FROM duckdb_tables() WHERE ${mine}
       UNION ALL SELECT 'view', view_name FROM duckdb_views() WHERE ${mine}`,
    );
    const moving = models.flatMap(({ name, renamedFrom }) =>
      renamedFrom === undefined ? [] : [name, renamedFrom]
    );
    return new KnownRelations(
      new Map(rows.map(({ kind, name }) => [nameKey(String(name)), kind === "view" ? "view" : "table"])),
      moving.map(nameKey),
    );
  }

  /** What stands under the name, by the session's own transaction. */
  async kindOf(session: SqlSession, name: string): Promise<RelationKind | undefined> {
    const key = nameKey(name);
    if (this.#open.has(key)) return await relationKind(session, name);
    this.#open.add(key);
    return this.#kinds.get(key);
  }
}
