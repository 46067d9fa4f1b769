import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { mariadbOfTests, MysqlLoader } from "../../support/mysql_loader.ts";

/** What a load makes in MySQL and MariaDB, and what it refuses there. Modes: tests/conformance/mysql_test.ts. */

const server = await mariadbOfTests();
const open = () => MysqlLoader.open(server);

async function failure(work: Promise<unknown>, message: RegExp): Promise<AppError> {
  let failed: unknown;
  await rejects(work, (error) => {
    failed = error;
    return true;
  });
  ok(failed instanceof AppError, String(failed));
  ok(message.test(failed.message), failed.message);
  return failed;
}

/** DuckDB type, what a new column of it is in MariaDB 10.11, and what it is in a key. */
const NEW_COLUMNS: readonly (readonly [type: string, made: string, inKey?: string])[] = [
  ["BOOLEAN", "tinyint(1)"],
  ["TINYINT", "tinyint(4)"],
  ["SMALLINT", "smallint(6)"],
  ["INTEGER", "int(11)"],
  ["BIGINT", "bigint(20)"],
  ["UTINYINT", "tinyint(3) unsigned"],
  ["USMALLINT", "smallint(5) unsigned"],
  ["UINTEGER", "int(10) unsigned"],
  ["UBIGINT", "bigint(20) unsigned"],
  ["HUGEINT", "decimal(39,0)"],
  ["UHUGEINT", "decimal(39,0)"],
  ["FLOAT", "float"],
  ["DOUBLE", "double"],
  ["DECIMAL(9,2)", "decimal(9,2)"],
  ["DECIMAL(38,38)", "decimal(38,38)"],
  ["VARCHAR", "longtext", "varchar(768)"],
  ["JSON", "longtext", "varchar(768)"],
  ["BLOB", "longblob", "varbinary(3072)"],
  ["UUID", "uuid"],
  ["DATE", "date"],
  ["TIME", "time(6)"],
  ["TIMESTAMP", "datetime(6)"],
  ["TIMESTAMP_NS", "datetime(6)"],
  ["TIMESTAMP WITH TIME ZONE", "datetime(6)"],
  ["INTERVAL", "longtext", "varchar(768)"],
  ["ENUM('a', 'b')", "longtext", "varchar(768)"],
  ["INTEGER[]", "longtext", "varchar(768)"],
  ["STRUCT(a INTEGER)", "longtext", "varchar(768)"],
];

Deno.test("mysql: a new column has the type that holds its values whole, also in a key", async () => {
  await using loader = await open();
  const typeOf = async (table: string) => (await loader.rows(`SHOW COLUMNS FROM ${table}`))[0]?.split(" ")[1];
  for (const [i, [type, made, inKey = made]] of NEW_COLUMNS.entries()) {
    const select = `SELECT CAST(NULL AS ${type}) AS v WHERE false`;
    await loader.load(`plain${i}`, select);
    await loader.load(`keyed${i}`, select, { mode: "merge", primaryKey: ["v"] });
    const types = [await typeOf(`plain${i}`), await typeOf(`keyed${i}`)];
    const words = [made, inKey].map((text) => text.split(" ")[0]);
    deepStrictEqual(types, words, type);
  }
});

Deno.test("mysql: texts and binaries come as they are, each byte of them", async () => {
  await using loader = await open();
  await loader.warehouse.session.run(`
    CREATE TABLE odd AS SELECT i AS id, CASE WHEN i % 7 = 0 THEN NULL ELSE
        string_agg(chr((1 + hash(i * 31 + j) % 300 + CASE WHEN j % 11 = 0 THEN 127000 ELSE 0 END)::INTEGER), '') END AS t,
        unhex(string_agg(printf('%02X', (hash(i * 17 + j) % 256)::INTEGER), '')) AS b
      FROM range(2000) AS r(i), range(13) AS s(j) GROUP BY i;
    INSERT INTO odd VALUES (9001, '', ''), (9002, 'NULL', 'NULL'), (9003, '\\N', '\\x5CN'), (9004, chr(0) || 'a' || chr(0), '\\x00'),
      (9005, chr(9) || chr(10) || chr(13) || chr(26) || '\\', '\\x09\\x0A\\x5C'), (9006, ' blank ', ' '), (9007, '''"\`', ''''), (9008, '🦆 漢字 ünï', ''::BLOB)`);
  await loader.load("odd", "SELECT * FROM odd");
  const stored = await loader.rows("SELECT id, hex(t), hex(b) FROM odd ORDER BY id");
  const given = await loader.warehouse.session.rows(
    "SELECT id, hex(encode(t)) AS t, hex(b) AS b FROM odd ORDER BY id",
  );
  deepStrictEqual(stored, given.map((row) => Object.values(row).map(String).join(" ")));
});

Deno.test("mysql: keys that differ in case, accents or blanks at their end are different keys", async () => {
  await using loader = await open();
  const keys = ["a", "A", "a ", "ä", "", " "];
  const select = (n: number) =>
    `SELECT * FROM (VALUES ${keys.map((key) => `('${key}', ${n})`).join(", ")}) AS t(k, n)`;
  for (const n of [1, 2]) {
    const receipt = await loader.load("t", select(n), { mode: "merge", primaryKey: ["k"] });
    deepStrictEqual([receipt.inserted, receipt.updated], n === 1 ? [6, 0] : [0, 6]);
  }
  deepStrictEqual(await loader.rows("SELECT count(*), min(n) FROM t"), ["6 2"]);
});

Deno.test("mysql: a merge into a table whose collation ignores case names the keys that are one there", async () => {
  await using loader = await open();
  await loader.database.run(
    "CREATE TABLE t (k varchar(20) COLLATE utf8mb4_general_ci PRIMARY KEY, n int)",
  );
  await failure(
    loader.load("t", "SELECT * FROM (VALUES ('a', 1), ('A', 2)) AS t(k, n)", {
      mode: "merge",
      primaryKey: ["k"],
    }),
    /the key \(k\) = \([aA]\) comes 2 times in the rows/,
  );
});

/** A column, a value of DuckDB that it does not take, and what the message says. */
const MISFITS: readonly (readonly [definition: string, value: string, message: RegExp])[] = [
  ["tinyint", "128", /row 2: column "v" is 128, which the table's tinyint cannot hold/],
  ["int unsigned", "-1", /column "v" is -1/],
  ["int", "'12a'", /column "v" is 12a/],
  ["int", "1.5", /column "v" is 1.5/],
  ["decimal(5,2)", "1.005::DECIMAL(9,3)", /column "v" is 1.005/],
  ["decimal(5,2)", "1234.5::DECIMAL(9,1)", /column "v" is 1234.5/],
  ["double", "'nan'::DOUBLE", /column "v" is NaN/],
  ["double", "'-inf'::DOUBLE", /column "v" is -Infinity/],
  ["double", "9007199254740993", /column "v" is 9007199254740993/],
  ["float", "0.1234567891", /column "v" is 0.1234567891/],
  ["bit(3)", "8", /column "v" is 8/],
  ["year", "1900", /column "v" is 1900/],
  ["year", "70", /column "v" is 70/],
  ["varchar(3)", "'abcd'", /column "v" is abcd, which the table's varchar\(3\) cannot/],
  ["varchar(3)", "'abc '", /column "v" is abc /],
  ["char(3)", "'ab '", /column "v" is ab /],
  ["tinytext", "repeat('ä', 128)", /column "v" is ää/],
  ["varchar(9) CHARACTER SET latin1", "'漢'", /column "v" is 漢/],
  ["varchar(9) CHARACTER SET koi8r", "'é'", /row 2: column "v" is é/],
  ["varchar(9) CHARACTER SET utf8mb3", "'🦆'", /column "v" is 🦆/],
  ["enum('a','b')", "'A'", /column "v" is A/],
  ["enum('a','b')", "'1'", /column "v" is 1/],
  ["set('a','b')", "'b,a'", /column "v" is b,a/],
  ["binary(3)", "'ab'::BLOB", /column "v" is a binary/],
  ["varbinary(1)", "'ab'::BLOB", /column "v" is a binary/],
  ["date", "'10000-01-01'::DATE", /column "v" is \+10000-01-01/],
  ["date", "'infinity'::DATE", /column "v" is infinity/],
  ["date", "'2024-01-01 10:00:00'::TIMESTAMP", /column "v" is 2024-01-01 10:00:00/],
  ["datetime", "'2024-01-01 10:00:00.5'::TIMESTAMP", /column "v" is 2024-01-01 10:00:00.5/],
  ["datetime(6)", "'2024-01-01 10:00:00.123456789'::TIMESTAMP_NS", /123456789/],
  ["timestamp", "'1969-12-31 10:00:00'::TIMESTAMP", /column "v" is 1969/],
  ["timestamp", "'2500-01-01 10:00:00'::TIMESTAMP", /row 2, column "v"/],
  ["time(3)", "'10:00:00.1234'::TIME", /column "v" is 10:00:00.1234/],
  ["json", "'{\"a\"'", /column "v" is \{"a", which the table's longtext cannot hold/],
  ["uuid", "'no uuid'", /column "v" is no uuid/],
  ["int NOT NULL", "NULL::INTEGER", /row 2: column "v" is NULL, and the table's column is NOT NULL/],
  ["timestamp NOT NULL", "NULL::TIMESTAMP", /row 2: column "v" is NULL/],
];

Deno.test("mysql: a value that a column would change is refused with row and column, and nothing is loaded", async () => {
  await using loader = await open();
  for (const [i, [definition, value, message]] of MISFITS.entries()) {
    await loader.database.run(`CREATE TABLE t${i} (id int, v ${definition})`);
    await loader.database.run(`INSERT INTO t${i} (id, v) VALUES (7, DEFAULT(v))`).catch(() =>
      loader.database.run(`INSERT IGNORE INTO t${i} (id) VALUES (7)`)
    );
    const rows = `SELECT * FROM (VALUES (2, ${value})) AS t(id, v)`;
    const fine = /NOT NULL/.test(definition) ? "TIMESTAMP '2024-01-01'" : "NULL";
    const first = `SELECT 1 AS id, ${/^int NOT/.test(definition) ? "1" : fine} AS v`;
    for (const mode of ["append", "replace"] as const) {
      const error = await failure(
        loader.load(`t${i}`, `${first} UNION ALL BY NAME ${rows}`, { mode }),
        message,
      );
      strictEqual(error.code, "invalid", definition);
    }
    deepStrictEqual(await loader.rows(`SELECT id FROM t${i}`), ["7"], definition);
  }
});

Deno.test("mysql: columns of all kinds take what they hold", async () => {
  await using loader = await open();
  await loader.database.run(`
    CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, e enum('red','it''s','a,b') CHARACTER SET latin1, s set('x','y','z'),
      b bit(40), y year, c char(3), f float, z int(6) unsigned zerofill, l varchar(20) CHARACTER SET latin1,
      k varchar(20) CHARACTER SET koi8r, ts timestamp(6) NULL, j json, u uuid, bin binary(2), seen timestamp NOT NULL DEFAULT current_timestamp,
      g int AS (z * 2) STORED, hidden int INVISIBLE DEFAULT 5)`);
  await loader.load(
    "t",
    `SELECT 0 AS id, 'it''s' AS e, 'x,z' AS s, 1099511627775 AS b, 2155 AS y, 'äöü' AS c, 16777216::FLOAT AS f, 42 AS z,
       'é€' AS l, 'Ж' AS k, TIMESTAMPTZ '2024-06-01 12:00:00.5+02' AS ts, '{"a": [1.10, "ü"]}'::JSON AS j,
       'ABCDEF00-0000-0000-0000-000000000001'::UUID AS u, '\\x00\\xFF'::BLOB AS bin`,
    { mode: "append" },
  );
  const [row] = await loader.rows(
    `SELECT id, e, s, b + 0, y, c, CAST(f AS DOUBLE), z, l, k, ts, CAST(j AS CHAR), u, hex(bin), g, hidden, seen IS NOT NULL FROM t`,
  );
  strictEqual(
    row,
    `0 it's x,z 1099511627775 2155 äöü 16777216 42 é€ Ж 2024-06-01 10:00:00.500000 {"a": [1.10, "ü"]} ` +
      `abcdef00-0000-0000-0000-000000000001 00FF 84 5 1`,
  );
});

Deno.test("mysql: a FLOAT goes as it is written, into numbers and texts", async () => {
  await using loader = await open();
  await loader.database.run("CREATE TABLE t (f float, d decimal(5,2), t varchar(20), b double)");
  await loader.load(
    "t",
    "SELECT v AS f, v AS d, v AS t, v AS b FROM (VALUES (0.1::FLOAT), (-16.25), (0)) AS s(v)",
    {
      mode: "append",
    },
  );
  deepStrictEqual(await loader.rows("SELECT * FROM t"), [
    "0.1 0.10 0.1 0.10000000149011612",
    "-16.25 -16.25 -16.25 -16.25",
    "0 0.00 0 0",
  ]);
});

Deno.test("mysql: what cannot be a target is refused with what to do", async () => {
  await using loader = await open();
  const { database } = loader;
  await database.run(`
    CREATE TABLE flat (id int) ENGINE=MyISAM; CREATE TABLE aria (id int) ENGINE=Aria; CREATE VIEW seen AS SELECT 1 AS id;
    CREATE TABLE made (id int, v int AS (id + 1)); CREATE TABLE strict_one (id int, must int NOT NULL);
    CREATE TABLE spot (id int, place point); CREATE SEQUENCE numbers`);
  const one = "SELECT 1 AS id";
  for (const table of ["flat", "aria"]) {
    await failure(
      loader.load(table, one, { mode: "append" }),
      /has no transactions.*ALTER TABLE .* ENGINE=InnoDB/,
    );
  }
  await failure(loader.load("seen", one), /it is not a table \(view\)/);
  await failure(loader.load("numbers", one), /it is not a table \(sequence\)/);
  await failure(loader.load("made", "SELECT 1 AS id, 2 AS v"), /the table computes column "v" itself/);
  await failure(loader.load("strict_one", one), /column "must" is NOT NULL without a default/);
  await failure(
    loader.load("spot", "SELECT 1 AS id, 'POINT(1 1)' AS place"),
    /column "place" can go into the table's point/,
  );
  await failure(loader.load("_sluice_loads", one), /keeps its own notes there/);
  await failure(loader.load("t", `SELECT 1 AS "a🦆"`), /a character beyond U\+FFFF/);
  await failure(loader.load("t", `SELECT 1 AS "a "`), /ends with a space/);
});

Deno.test("mysql: a replace that would delete rows of other tables is refused", async () => {
  await using loader = await open();
  const { database } = loader;
  await database.run(`
    CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1);
    CREATE TABLE entries (id int, parent int, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE); INSERT INTO entries VALUES (1, 1);
    CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1);
    CREATE TABLE refers (id int, FOREIGN KEY (id) REFERENCES kept (id)); INSERT INTO refers VALUES (1)`);
  await failure(
    loader.load("parents", "SELECT 2 AS id"),
    /would also change .*\.entries \(ON DELETE CASCADE\)/,
  );
  await failure(loader.load("kept", "SELECT 2 AS id"), /foreign key/);
  deepStrictEqual(await loader.rows("SELECT * FROM entries"), ["1 1"]);
  await loader.load("parents", "SELECT 2 AS id", { mode: "merge", primaryKey: ["id"] });
  deepStrictEqual(await loader.rows("SELECT id FROM parents ORDER BY id"), ["1", "2"]);
});

Deno.test("mysql: a merge that meets another unique key fails, and updates no other row", async () => {
  await using loader = await open();
  await loader.database.run(
    "CREATE TABLE t (id int PRIMARY KEY, mail varchar(20) UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
  );
  const merge = { mode: "merge", primaryKey: ["id"] } as const;
  const error = await failure(
    loader.load("t", "SELECT 3 AS id, 'a' AS mail", merge),
    /Duplicate entry 'a' for key/,
  );
  strictEqual(error.code, "invalid");
  deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["1 a", "2 b"]);
});

Deno.test("mysql: a trigger fires, and one that refuses a row refuses the load", async () => {
  await using loader = await open();
  const { database } = loader;
  await database.run("CREATE TABLE t (id int, twice int); CREATE TABLE log (id int)");
  await database.run("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.twice = NEW.id * 2");
  await loader.load("t", "SELECT 4 AS id", { mode: "append" });
  deepStrictEqual(await loader.rows("SELECT * FROM t"), ["4 8"]);
  await database.run(`CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW
    IF NEW.id = 6 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'six is not wanted'; END IF`);
  await failure(
    loader.load("t", "SELECT * FROM (VALUES (5), (6)) AS t(id)", { mode: "append" }),
    /six is not wanted/,
  );
  deepStrictEqual(await loader.rows("SELECT * FROM t"), ["4 8"]);
});

Deno.test("mysql: a replace keeps what users added to a table that loads made", async () => {
  await using loader = await open();
  const { database } = loader;
  const rows = (n: number) => `SELECT ${n} AS id, 'n${n}' AS name`;
  await loader.load("t", rows(1), { primaryKey: ["id"] });
  // Nothing on it: a new table with the old one's key takes its place.
  await loader.load("t", rows(2));
  deepStrictEqual(
    await loader.rows("SHOW INDEX FROM t WHERE Key_name = 'PRIMARY'").then((found) => found.length),
    1,
  );
  await database.run(
    "CREATE INDEX by_id ON t (id, name(5)); ALTER TABLE t COMMENT 'names', ADD extra int DEFAULT 3",
  );
  await loader.load("t", rows(3));
  deepStrictEqual(await loader.rows("SELECT * FROM t"), ["3 n3 3"]);
  const [created] = await loader.rows("SHOW CREATE TABLE t");
  ok(created?.includes("by_id") && created.includes("COMMENT='names'"), created);
  // With other columns, the table keeps its own.
  await loader.load("t", "SELECT 4 AS id, 7 AS other");
  deepStrictEqual(await loader.rows("SELECT id, name, extra, other FROM t"), ["4 null 3 7"]);
});

Deno.test("mysql: a table of another database is loaded into, which is made where it is missing", async () => {
  await using loader = await open();
  const other = `${loader.database.name}_other`;
  try {
    await loader.load(`${other}.t`, "SELECT 1 AS id");
    deepStrictEqual(await loader.rows(`SELECT id FROM ${other}.t`), ["1"]);
    deepStrictEqual(await loader.rows(`SELECT target FROM ${other}._sluice_loads`), [`${other}.t`]);
  } finally {
    await loader.database.run(`DROP DATABASE IF EXISTS ${other}`);
  }
});

Deno.test("mysql: partitioned tables, tables with history and invisible columns are loaded like others", async () => {
  await using loader = await open();
  await loader.database.run(`
    CREATE TABLE parts (id int PRIMARY KEY, v int) PARTITION BY HASH (id) PARTITIONS 3;
    CREATE TABLE history (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
    CREATE TABLE hidden (id int PRIMARY KEY, v int INVISIBLE)`);
  for (const table of ["parts", "history", "hidden"]) {
    await loader.load(table, "SELECT * FROM (VALUES (1, 1), (2, 2)) AS t(id, v)");
    await loader.load(table, "SELECT * FROM (VALUES (2, 3), (3, 3)) AS t(id, v)", {
      mode: "merge",
      primaryKey: ["id"],
    });
    await loader.load(table, "SELECT * FROM (VALUES (9, 9)) AS t(id, v)", { mode: "append" });
    deepStrictEqual(
      await loader.rows(`SELECT id, v FROM ${table} ORDER BY id`),
      ["1 1", "2 3", "3 3", "9 9"],
      table,
    );
    await loader.load(table, "SELECT 5 AS id, 5 AS v");
    deepStrictEqual(await loader.rows(`SELECT id, v FROM ${table}`), ["5 5"], table);
  }
});

Deno.test("mysql: a user without a right is told which one to grant", async () => {
  const name = `u${crypto.randomUUID().slice(0, 8)}`;
  await using loader = await MysqlLoader.open(server, async (database) => {
    await database.run(`CREATE TABLE t (id int PRIMARY KEY, v int);
      CREATE USER ${name}@'%' IDENTIFIED BY 'p'; GRANT SELECT, INSERT ON ${database.name}.t TO ${name}@'%'`);
    const url = new URL(database.url);
    [url.username, url.password] = [name, "p"];
    return url.href;
  });
  const { database } = loader;
  try {
    const rows = "SELECT 1 AS id, 1 AS v";
    const ledger = await failure(
      loader.load("t", rows, { mode: "append" }),
      /Let its owner run once: CREATE TABLE IF NOT EXISTS .*_sluice_loads.*; GRANT SELECT, INSERT, UPDATE, DELETE ON .*_sluice_loads. TO/,
    );
    strictEqual(ledger.code, "forbidden");
    const statement = /run once: (.*)$/s.exec(ledger.message)?.[1] ?? "";
    await database.run(statement);
    await loader.load("t", rows, { mode: "append" });
    const merge = { mode: "merge", primaryKey: ["id"] } as const;
    await failure(loader.load("t", rows, merge), /CREATE TEMPORARY TABLES/);
    await database.run(`GRANT CREATE TEMPORARY TABLES ON ${database.name}.* TO ${name}@'%'`);
    await failure(loader.load("t", rows, merge), /mode: merge needs SELECT, INSERT, UPDATE/);
    await database.run(`GRANT UPDATE ON ${database.name}.t TO ${name}@'%'`);
    await loader.load("t", "SELECT 1 AS id, 5 AS v", merge);
    deepStrictEqual(await loader.rows("SELECT * FROM t"), ["1 5"]);
  } finally {
    await database.run(`DROP USER ${name}@'%'`);
  }
});
