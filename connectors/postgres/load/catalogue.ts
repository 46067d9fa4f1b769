import { AppError } from "../../../contract/errors.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import type {
  Catalogue,
  Cell,
  MadeColumn,
  RelationName,
  SqlSession,
  TargetColumn,
  TargetTable,
} from "../../destination/system.ts";
import type { TargetType } from "./types.ts";

export interface PostgresColumn extends TargetColumn {
  readonly type: TargetType;
}

type Rows = Pick<SqlSession<PostgresColumn>, "rows">;

export const regclassOf = (quoted: string): string => `pg_catalog.to_regclass(${quoteLiteral(quoted)})`;

/** What PostgreSQL knows of a load's target. */
export class PostgresCatalogue implements Catalogue<PostgresColumn> {
  readonly #session: Rows;
  readonly #name: RelationName;

  constructor(session: Rows, name: RelationName) {
    this.#session = session;
    this.#name = name;
  }

  async inspect(): Promise<TargetTable<PostgresColumn> | undefined> {
    const { quoted, shown } = this.#name;
    const table = regclassOf(quoted);
    const [found] = await this.#session.rows(`SELECT relkind FROM pg_catalog.pg_class WHERE oid = ${table}`);
    if (found === undefined) return undefined;
    const [kind] = found;
    if (kind !== "r" && kind !== "p") {
      throw new AppError("invalid", `Cannot load into ${shown}: it is not a table`);
    }
    const isPartitioned = kind === "p";
    return {
      columns: await this.#columns(table),
      ...await this.#uniqueKeys(table),
      skippingTriggers: await this.#skippingTriggers(table),
      only: isPartitioned ? quoted : `ONLY ${quoted}`,
      isPartitioned,
      heirs: isPartitioned ? [] : await this.#heirs(table),
    };
  }

  /**
   * What a DELETE of the table's rows does to rows of others: foreign keys to it or its partitions that
   * delete or change rows (RESTRICT and NO ACTION refuse by themselves), rules, and triggers whose function
   * deletes rows or sets columns to NULL, as far as its text tells.
   */
  async dependants(): Promise<readonly string[]> {
    const rows = await this.#session.rows(
      `WITH whole AS (
         SELECT ${regclassOf(this.#name.quoted)}::oid AS oid
          UNION
         SELECT t.relid::oid FROM pg_catalog.pg_partition_tree(${regclassOf(this.#name.quoted)}) AS t)
       SELECT format('%s (ON DELETE %s)', COALESCE(pg_catalog.pg_partition_root(k.conrelid), k.conrelid)::regclass,
                     CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END)
         FROM pg_catalog.pg_constraint k
        WHERE k.contype = 'f' AND k.confrelid IN (SELECT oid FROM whole) AND k.confdeltype IN ('c', 'n', 'd')
          AND k.conrelid NOT IN (SELECT oid FROM whole)
        UNION
       SELECT format('what its rule %I does on DELETE', r.rulename) FROM pg_catalog.pg_rewrite r
        WHERE r.ev_class IN (SELECT oid FROM whole) AND r.ev_type = '4' AND r.ev_enabled <> 'D'
        UNION
       SELECT format('what its trigger %I does on DELETE', g.tgname)
         FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid
        WHERE g.tgrelid IN (SELECT oid FROM whole) AND NOT g.tgisinternal AND g.tgenabled <> 'D'
          AND g.tgtype & 8 = 8
          AND p.prosrc ~* '\\m(delete\\s+from|truncate)\\M|\\mupdate\\M.*\\mset\\M.*=\\s*null\\M'
        ORDER BY 1`,
    );
    return rows.map(([text]) => text ?? "");
  }

  async identity(): Promise<string> {
    const [row] = await this.#session.rows(`SELECT ${regclassOf(this.#name.quoted)}::oid::text`);
    return row?.[0] ?? "";
  }

  /**
   * A plain table with no more on it than a primary key, grants and comments, which a rebuild carries
   * over: no other index, constraint, default, identity, statistics, trigger, rule, policy, storage
   * parameter, and nothing that refers to it.
   */
  async isOurs(made: readonly MadeColumn[]): Promise<boolean> {
    const table = regclassOf(this.#name.quoted);
    const [plain] = await this.#session.rows(
      `SELECT 1 FROM pg_catalog.pg_class c
        WHERE c.oid = ${table} AND c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence = 'p'
          AND c.relowner = current_user::regrole AND NOT c.relrowsecurity AND NOT c.relforcerowsecurity AND NOT c.relhasrules
          AND NOT c.relhastriggers AND NOT c.relhassubclass AND c.reloptions IS NULL AND c.reltablespace = 0
          AND c.relreplident = 'd' AND c.reloftype = 0
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                             AND (a.attacl IS NOT NULL OR a.atthasdef OR a.attidentity <> '' OR a.attoptions IS NOT NULL
                                  OR COALESCE(a.attstattarget, -1) <> -1
                                  OR a.attstorage <> (SELECT t.typstorage FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid)
                                  OR a.attnotnull AND NOT EXISTS (
                                       SELECT FROM pg_catalog.pg_index p
                                        WHERE p.indrelid = c.oid AND p.indisprimary AND a.attnum = ANY (p.indkey))))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND (NOT x.indisprimary OR x.indisclustered OR x.indisreplident))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                           WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = c.oid)
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_rel p WHERE p.prrelid = c.oid)
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                           WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid
                             AND (d.deptype = 'n' OR d.deptype = 'a' AND EXISTS (
                                  SELECT FROM pg_catalog.pg_class s WHERE s.oid = d.objid AND s.relkind = 'S')))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                            JOIN pg_catalog.pg_type t ON t.oid = c.reltype AND d.refobjid IN (t.oid, t.typarray)
                           WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'n')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy l WHERE l.polrelid = c.oid)`,
    );
    if (plain === undefined) return false;
    const columns = await this.#columns(table);
    return columns.every(({ name, sql }) =>
      made.some(([madeName, type]) => madeName === name && type === sql)
    );
  }

  async ledgerColumns(): Promise<readonly string[]> {
    const rows = await this.#session.rows(
      `SELECT attname FROM pg_catalog.pg_attribute
        WHERE attrelid = ${regclassOf(this.#name.ledger)} AND attnum > 0 AND NOT attisdropped`,
    );
    return rows.map(([name]) => name ?? "");
  }

  async #heirs(table: string): Promise<string[]> {
    const rows = await this.#session.rows(
      `SELECT inhrelid::regclass FROM pg_catalog.pg_inherits WHERE inhparent = ${table} ORDER BY 1`,
    );
    return rows.map(([name]) => name ?? "");
  }

  async #columns(table: string): Promise<PostgresColumn[]> {
    const rows = await this.#session.rows(
      `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), base.oid, base.modifier,
              base.typtype = 'e', CASE WHEN t.typtype <> 'd' AND t.typlen = -1 THEN t.typelem ELSE 0 END,
              a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> '',
              base.typcategory = 'S'
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         CROSS JOIN LATERAL (
           WITH RECURSIVE bases AS (
             SELECT d.oid, d.typtype, d.typcategory, d.typbasetype, d.typtypmod, a.atttypmod AS modifier
               FROM pg_catalog.pg_type d WHERE d.oid = t.oid
              UNION ALL
             SELECT d.oid, d.typtype, d.typcategory, d.typbasetype, d.typtypmod,
                    CASE WHEN b.modifier = -1 THEN b.typtypmod ELSE b.modifier END
               FROM bases b JOIN pg_catalog.pg_type d ON d.oid = b.typbasetype WHERE b.typtype = 'd')
           SELECT * FROM bases WHERE typtype <> 'd') AS base
        WHERE a.attrelid = ${table} AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum`,
    );
    return rows.map(toColumn);
  }

  async #uniqueKeys(
    table: string,
  ): Promise<Pick<TargetTable<PostgresColumn>, "uniqueKeys" | "primaryKey">> {
    const rows = await this.#session.rows(
      `SELECT x.indexrelid, a.attname, x.indisprimary
         FROM pg_catalog.pg_index x
         JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid
          AND a.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1])
        WHERE x.indrelid = ${table} AND x.indisunique AND x.indisvalid AND x.indimmediate
          AND x.indpred IS NULL AND x.indexprs IS NULL`,
    );
    const keys = new Map<Cell, string[]>();
    for (const [index = "", column] of rows) {
      keys.set(index, [...keys.get(index) ?? [], column ?? ""]);
    }
    const primary = rows.filter(([, , isPrimary]) => isPrimary === "t");
    return { uniqueKeys: [...keys.values()], primaryKey: primary.map(([, name]) => name ?? "") };
  }

  /** Triggers BEFORE each row: they may return NULL. */
  async #skippingTriggers(table: string): Promise<string[]> {
    const rows = await this.#session.rows(
      `SELECT tgname FROM pg_catalog.pg_trigger
        WHERE tgrelid = ${table} AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 3 = 3 ORDER BY tgname`,
    );
    return rows.map(([name]) => name ?? "");
  }
}

function toColumn(row: readonly Cell[]): PostgresColumn {
  const [name, sql, oid, modifier, isEnum, elementOid, isRequired, isGenerated, isText] = row;
  return {
    name: name ?? "",
    sql: sql ?? "",
    isRequired: isRequired === "t" && isGenerated !== "t",
    isGenerated: isGenerated === "t",
    type: {
      sql: sql ?? "",
      oid: Number(oid),
      modifier: Number(modifier),
      isEnum: isEnum === "t",
      elementOid: Number(elementOid),
      isText: isText === "t",
    },
  };
}
