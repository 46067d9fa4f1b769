import type postgres from "postgres";

/** Tables of several kinds, and random changes to them from several sessions at a time. */

export const TABLES = `
  CREATE TABLE plain (id int PRIMARY KEY, name text, big text, n numeric(12,3));
  CREATE TABLE pairs (x int, y text, doc jsonb, at timestamptz DEFAULT now(), PRIMARY KEY (x, y));
  CREATE TABLE whole (k int, note text, big text);
  CREATE UNIQUE INDEX ON whole (k);
  ALTER TABLE whole REPLICA IDENTITY FULL;
  CREATE TABLE parted (id int PRIMARY KEY, part int, v text) PARTITION BY RANGE (id);
  CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (50);
  CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (50) TO (MAXVALUE)`;

export const STREAMS = {
  plain: { stream: "plain", mode: "cdc" },
  pairs: { stream: "pairs", mode: "cdc" },
  whole: { stream: "whole", mode: "cdc", primary_key: ["k"] },
  parted: { stream: "parted", mode: "cdc" },
};

const IDS = 100;

/** What does not compress, so that it is stored apart from its row. */
const BIG = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 120))";

export class RandomWorkload {
  readonly #sql: postgres.Sql;
  readonly #random: () => number;
  #columns = 0;

  constructor(sql: postgres.Sql, random: () => number) {
    this.#sql = sql;
    this.#random = random;
  }

  /** Some transactions side by side; one of five is rolled back. */
  async transactions(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#transaction()));
  }

  /** Changes a table's columns, and returns what was done. */
  async changeShape(): Promise<string> {
    const table = this.#pick(["plain", "pairs", "whole", "parted"]);
    this.#columns += 1;
    const fresh = `extra_${this.#columns}`;
    const statement = this.#pick([
      `ALTER TABLE ${table} ADD COLUMN ${fresh} int`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} text DEFAULT 'filled'`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} float8 DEFAULT random()`,
      `ALTER TABLE plain ALTER COLUMN name TYPE text USING upper(name)`,
      `ALTER TABLE plain ALTER COLUMN n TYPE numeric(14,4)`,
      `ALTER TABLE parted ALTER COLUMN part TYPE bigint`,
      `ALTER TABLE parted ALTER COLUMN v TYPE varchar(200)`,
    ]);
    // Only a table that a log of changes cannot follow changes its values and nothing else.
    if (statement.includes("upper")) return "";
    await this.#sql.unsafe(statement);
    return statement;
  }

  async #transaction(): Promise<void> {
    try {
      await this.#sql.begin(async (sql) => {
        for (let left = 1 + this.#below(8); left > 0; left -= 1) await sql.unsafe(this.#statement());
        if (this.#random() < 0.2) throw new Error("rolled back");
      });
    } catch {
      // Rolled back, a key that is there, a deadlock: none of it has happened then.
    }
  }

  #statement(): string {
    const id = this.#below(IDS);
    const other = this.#below(IDS);
    const text = `'${this.#random().toString(36).slice(2)}'`;
    if (this.#random() < 0.01) return `TRUNCATE ${this.#pick(["plain", "pairs", "whole", "parted"])}`;
    return this.#pick([
      `INSERT INTO plain (id, name, big, n) VALUES (${id}, ${text}, ${BIG}, ${other}.5) ON CONFLICT (id) DO NOTHING`,
      `INSERT INTO plain (id, name, big, n) VALUES (${id}, ${text}, ${BIG}, NULL)
         ON CONFLICT (id) DO UPDATE SET big = excluded.big, n = excluded.n`,
      `UPDATE plain SET name = ${text} WHERE id % 7 = ${id % 7}`,
      `UPDATE plain SET id = ${id} WHERE id = ${other} AND NOT EXISTS (SELECT FROM plain WHERE id = ${id})`,
      `UPDATE plain SET n = n + 1, big = NULL WHERE id = ${id}`,
      `DELETE FROM plain WHERE id = ${id}`,
      `INSERT INTO pairs (x, y, doc) VALUES (${id % 10}, ${other % 5}::text, jsonb_build_object('v', ${BIG}))
         ON CONFLICT (x, y) DO UPDATE SET at = now()`,
      `UPDATE pairs SET y = y || '+' WHERE x = ${id % 10} AND length(y) < 6`,
      `UPDATE pairs SET at = clock_timestamp() WHERE x = ${id % 10}`,
      `DELETE FROM pairs WHERE x = ${id % 10} AND y LIKE '%${other % 5}%'`,
      `INSERT INTO whole SELECT ${id}, ${text}, ${BIG} WHERE NOT EXISTS (SELECT FROM whole WHERE k = ${id})`,
      `UPDATE whole SET note = ${text} WHERE k BETWEEN ${id} AND ${id + 10}`,
      `DELETE FROM whole WHERE k = ${id}`,
      `INSERT INTO parted (id, part, v) VALUES (${id}, ${other}, ${text}) ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
      `UPDATE parted SET id = ${id} WHERE id = ${other} AND NOT EXISTS (SELECT FROM parted WHERE id = ${id})`,
      `DELETE FROM parted WHERE id = ${id}`,
    ]);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.#below(items.length)] ?? items[0];
  }
}
