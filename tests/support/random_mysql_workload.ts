import type { Pool } from "mysql2/promise";

/** Tables of several kinds in a MariaDB, and random changes to them from several sessions at a time. */

export const MYSQL_TABLES = `
  CREATE TABLE plain (id int PRIMARY KEY, name varchar(60), big mediumtext, n decimal(12,3));
  CREATE TABLE pairs (x int, y varchar(20) CHARACTER SET latin1, doc json, at timestamp(6) NULL DEFAULT now(6),
    PRIMARY KEY (x, y));
  CREATE TABLE simple (k int, note varchar(90) CHARACTER SET cp1251, kind enum('a','b','c'), UNIQUE (k))
    ENGINE = MyISAM;
  CREATE TABLE parted (id int PRIMARY KEY, part int, v text) PARTITION BY RANGE (id)
    (PARTITION low VALUES LESS THAN (50), PARTITION high VALUES LESS THAN MAXVALUE)`;

export const MYSQL_STREAMS = {
  plain: { stream: "plain", mode: "cdc" },
  pairs: { stream: "pairs", mode: "cdc" },
  simple: { stream: "simple", mode: "cdc", primary_key: ["k"] },
  parted: { stream: "parted", mode: "cdc" },
};

const IDS = 100;
const BIG = "repeat(md5(rand()), 40)";

export class RandomMysqlWorkload {
  readonly #pool: Pool;
  readonly #random: () => number;
  #columns = 0;
  #touched = 0;

  constructor(pool: Pool, random: () => number) {
    this.#pool = pool;
    this.#random = random;
  }

  /** Some transactions side by side; one of five is rolled back. */
  async transactions(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#transaction()));
  }

  /** Changes a table's columns, and returns what was done. */
  async changeShape(): Promise<string> {
    const table = this.#pick(["plain", "pairs", "simple", "parted"]);
    this.#columns += 1;
    const fresh = `extra_${this.#columns}`;
    const old = `extra_${Math.max(1, this.#columns - 2)}`;
    const statement = this.#pick([
      `ALTER TABLE ${table} ADD COLUMN ${fresh} int`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} int FIRST`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} text DEFAULT 'filled'`,
      `ALTER TABLE ${table} ADD COLUMN ${fresh} double NOT NULL`,
      `ALTER TABLE ${table} DROP COLUMN IF EXISTS ${old}`,
      `ALTER TABLE ${table} ADD INDEX ${fresh} (${
        table === "plain" ? "n" : table === "pairs" ? "x" : table === "simple" ? "note" : "part"
      })`,
      `ALTER TABLE plain MODIFY n decimal(${13 + this.#columns % 9},3)`,
      `ALTER TABLE plain MODIFY name varchar(${61 + this.#columns})`,
      `ALTER TABLE plain MODIFY big mediumtext AFTER id`,
      `ALTER TABLE plain CHANGE n n decimal(20,4)`,
      `ALTER TABLE parted MODIFY part bigint`,
      `ALTER TABLE parted MODIFY part int unsigned`,
      `ALTER TABLE parted TRUNCATE PARTITION low`,
      `ALTER TABLE simple MODIFY kind enum('a','b','c','d')`,
      `ALTER TABLE simple MODIFY kind enum('d','c','b','a')`,
      `ALTER TABLE simple CONVERT TO CHARACTER SET utf8mb4`,
      `ALTER TABLE simple MODIFY note varchar(90) CHARACTER SET cp1251`,
      `CREATE TABLE ${fresh} LIKE ${table}; INSERT INTO ${fresh} SELECT * FROM ${table} LIMIT 7;
         RENAME TABLE ${table} TO gone_${fresh}, ${fresh} TO ${table}`,
      `OPTIMIZE TABLE ${table}`,
    ]);
    await this.#pool.query(statement);
    return statement;
  }

  /** One more row in each table: a type that no row has shown is not taken over yet. */
  async touch(): Promise<void> {
    this.#touched += 1;
    const key = IDS + this.#touched;
    await this.#pool.query(
      `INSERT IGNORE INTO plain (id, n) VALUES (${key}, 1); INSERT IGNORE INTO pairs (x, y) VALUES (${key}, 'a');
       INSERT IGNORE INTO simple (k, kind) VALUES (${key}, 'a'); INSERT IGNORE INTO parted (id, part) VALUES (${key}, 1)`,
    );
  }

  async #transaction(): Promise<void> {
    const connection = await this.#pool.getConnection();
    try {
      await connection.query("START TRANSACTION");
      for (let left = 1 + this.#below(8); left > 0; left -= 1) await connection.query(this.#statement());
      await connection.query(this.#random() < 0.2 ? "ROLLBACK" : "COMMIT");
    } catch {
      // A key that is there, a deadlock: none of it has happened then, but in tables without transactions.
      await connection.query("ROLLBACK");
    } finally {
      connection.release();
    }
  }

  #statement(): string {
    const id = this.#below(IDS);
    const other = this.#below(IDS);
    const text = `'${this.#random().toString(36).slice(2)}ж'`;
    if (this.#random() < 0.01) return `TRUNCATE ${this.#pick(["plain", "pairs", "simple", "parted"])}`;
    return this.#pick([
      `INSERT IGNORE INTO plain (id, name, big, n) VALUES (${id}, ${text}, ${BIG}, ${other}.5)`,
      `INSERT INTO plain (id, name, big, n) VALUES (${id}, ${text}, ${BIG}, NULL)
         ON DUPLICATE KEY UPDATE big = VALUES(big), n = ${other}`,
      `REPLACE INTO plain (id, name, n) VALUES (${id}, ${text}, 1.5)`,
      `UPDATE plain SET name = ${text} WHERE id % 7 = ${id % 7}`,
      `UPDATE IGNORE plain SET id = ${id} WHERE id = ${other}`,
      `UPDATE plain SET n = n + 1, big = NULL WHERE id = ${id}`,
      `DELETE FROM plain WHERE id = ${id}`,
      `INSERT INTO pairs (x, y, doc) VALUES (${id % 10}, '${other % 5}', json_object('v', ${BIG}))
         ON DUPLICATE KEY UPDATE at = now(6)`,
      `UPDATE IGNORE pairs SET y = concat(y, 'é') WHERE x = ${id % 10} AND length(y) < 6`,
      `UPDATE pairs SET at = sysdate(6) WHERE x = ${id % 10}`,
      `DELETE FROM pairs WHERE x = ${id % 10} AND y LIKE '%${other % 5}%'`,
      `INSERT IGNORE INTO simple (k, note, kind) VALUES (${id}, ${text}, 'b')`,
      `UPDATE simple SET note = ${text}, kind = 'c' WHERE k BETWEEN ${id} AND ${id + 10}`,
      `DELETE FROM simple WHERE k = ${id}`,
      `INSERT INTO parted (id, part, v) VALUES (${id}, ${other}, ${text}) ON DUPLICATE KEY UPDATE v = VALUES(v)`,
      `UPDATE IGNORE parted SET id = ${id} WHERE id = ${other}`,
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
