import assert from "node:assert/strict";
import type { Cursor, DiscoveredStream, Until } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { type Cell, rowsOf } from "../../support/arrow_rows.ts";
import { never } from "../../support/connections.ts";
import { acquireMariadb, type MariadbDatabase } from "../../support/mariadb.ts";
import {
  type MysqlConnection,
  mysqlRequest,
  openMysql,
  type Own,
  readAll,
} from "../../support/mysql_connector.ts";

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

async function rejects(work: () => Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const firstColumn = async (shop: MysqlConnection, own: Own, more = {}): Promise<Cell[]> =>
  rowsOf(await readAll(shop, own, more)).map(([first]) => first ?? null);

Deno.test("a stream is a table or view, in this database or another, by its name in any quotes", async () => {
  await using database = await server.createDatabase();
  await using other = await server.createDatabase();
  await database.run(
    "CREATE TABLE `a table` (id INT); INSERT INTO `a table` VALUES (1); CREATE VIEW v AS SELECT id + 1 AS id FROM `a table`; " +
      'CREATE TABLE `dot.ted` (id INT); INSERT INTO `dot.ted` VALUES (3); CREATE TABLE `qu``o"te` (id INT); INSERT INTO `qu``o"te` VALUES (4); ' +
      "CREATE TABLE `select` (id INT); INSERT INTO `select` VALUES (5)",
  );
  await other.run("CREATE TABLE t (id INT); INSERT INTO t VALUES (9)");
  await using shop = await openMysql(database.url);
  const read = (stream: string) => firstColumn(shop, { stream });
  assert.deepEqual(await read("a table"), [1]);
  assert.deepEqual(await read("v"), [2n]);
  assert.deepEqual(await read("`dot.ted`"), [3]);
  assert.deepEqual(await read(`"dot.ted"`), [3]);
  assert.deepEqual(await read('`qu``o"te`'), [4]);
  assert.deepEqual(await read("select"), [5]);
  assert.deepEqual(await read(`${database.name}.select`), [5]);
  assert.deepEqual(await read(`${other.name}.t`), [9]);
});

Deno.test("tables that differ by case are two where the server keeps them apart", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (id INT); CREATE TABLE T (id INT); INSERT INTO t VALUES (1); INSERT INTO T VALUES (2)",
  );
  await using shop = await openMysql(database.url);
  assert.deepEqual(await firstColumn(shop, { stream: "t" }), [1]);
  assert.deepEqual(await firstColumn(shop, { stream: "T" }), [2]);
});

Deno.test("columns of any name come, in the table's order; generated ones too, invisible ones by name only", async () => {
  await using database = await server.createDatabase();
  await database.run(
    'CREATE TABLE t (`select` INT, `UPPER lower` INT, `quo"te``s` INT, `漢字é` INT, `semi;colon -- x` INT, ' +
      "g INT AS (`select` + 1) VIRTUAL, p INT AS (`select` * 2) STORED, h INT INVISIBLE); " +
      'INSERT INTO t (`select`, `UPPER lower`, `quo"te``s`, `漢字é`, `semi;colon -- x`, h) VALUES (1, 2, 3, 4, 5, 6)',
  );
  await using shop = await openMysql(database.url);
  const batches = await readAll(shop, { stream: "t" });
  assert.deepEqual(batches[0]?.schema.fields.map(({ name }) => name), [
    "select",
    "UPPER lower",
    'quo"te`s',
    "漢字é",
    "semi;colon -- x",
    "g",
    "p",
  ]);
  assert.deepEqual(rowsOf(batches), [[1, 2, 3, 4, 5, 2, 2]]);
  assert.deepEqual(rowsOf(await readAll(shop, { stream: "t" }, { columns: { only: ["h", "SELECT"] } })), [[
    1,
    6,
  ]]);
});

Deno.test("columns, except and where are the server's work", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (a INT, b TEXT, c INT); INSERT INTO t VALUES (1, 'x', 10), (2, 'y', 20), (3, 'z', 30)",
  );
  await using shop = await openMysql(database.url);
  for (const own of [{ stream: "t" }, { query: "SELECT * FROM t -- all of them" }]) {
    const only = await readAll(shop, own, { columns: { only: ["c", "a"] }, where: "a > 1 # not the first" });
    assert.deepEqual(rowsOf(only), [[2, 20], [3, 30]]);
    assert.deepEqual(
      rowsOf(await readAll(shop, own, { columns: { except: ["b"] }, where: `b IN ("x", 'it\\'s')` })),
      [[
        1,
        10,
      ]],
    );
    await rejects(
      () => readAll(shop, own, { columns: { only: ["q"] } }),
      "invalid",
      /columns names "q", which is no column/,
    );
    await rejects(
      () => readAll(shop, own, { columns: { except: ["a", "b", "c"] } }),
      "invalid",
      /leaves out every column/,
    );
    await rejects(() => readAll(shop, own, { where: "nothing = 1" }), "invalid", /Unknown column 'nothing'/);
  }
});

Deno.test("a query may end in a semicolon and comments, and is one statement", async () => {
  await using shop = await openMysql(server.url);
  for (
    const query of [
      "SELECT 1 AS n;",
      "SELECT 1 AS n ; -- the end",
      "SELECT 1 AS n # ;\n;/* done */ ;",
      "WITH c AS (SELECT 1 AS n) SELECT n FROM c;",
      "SELECT LENGTH(';') AS n",
      "SELECT LENGTH('\\';')-1 AS n;",
    ]
  ) assert.deepEqual((await firstColumn(shop, { query })).map(Number), [1], query);
  await rejects(
    () => readAll(shop, { query: "SELECT 1 AS n; SELECT 2" }),
    "invalid",
    /error in your SQL syntax/,
  );
  await rejects(
    () => readAll(shop, { query: "SELECT 1 AS n, 2 AS n" }),
    "invalid",
    /Duplicate column name 'n'/,
  );
  await rejects(() => readAll(shop, { query: "DELETE FROM mysql.user" }), "invalid", /SQL syntax/);
});

Deno.test("a table that is not there is not_found, with the name that was meant", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE orders (id INT); CREATE VIEW broken AS SELECT * FROM orders; DROP TABLE orders; CREATE TABLE orders_2 (id INT)",
  );
  await using shop = await openMysql(database.url);
  await rejects(
    () => readAll(shop, { stream: "order_2" }),
    "not_found",
    /there is no table test_\w+\.order_2; did you mean test_\w+\.orders_2\?/,
  );
  await rejects(() => readAll(shop, { query: "SELECT * FROM nothing" }), "not_found", /doesn't exist/);
  await rejects(() => readAll(shop, { stream: "broken" }), "invalid", /references invalid table/);
  await rejects(() => readAll(shop, { stream: "nowhere.t" }), "not_found", /no table nowhere\.t/);
  await rejects(() => readAll(shop, { stream: "a.b.c" }), "invalid", /Cannot read the table name "a.b.c"/);
});

Deno.test("a right that is missing is named, and columns that may be read can be read", async () => {
  await using database = await server.createDatabase();
  const user = `u${crypto.randomUUID().slice(0, 8)}`;
  await database.run(
    `CREATE TABLE secret (id INT, pay INT); INSERT INTO secret VALUES (1, 2); CREATE TABLE open (id INT);
     CREATE USER ${user} IDENTIFIED BY 'pw'; GRANT SELECT ON ${database.name}.open TO ${user};
     GRANT SELECT (id) ON ${database.name}.secret TO ${user}`,
  );
  try {
    const url = new URL(database.url);
    url.username = user;
    url.password = "pw";
    await using shop = await openMysql(url.href);
    assert.deepEqual(await firstColumn(shop, { stream: "open" }), []);
    await rejects(
      () => readAll(shop, { stream: "secret" }),
      "forbidden",
      /SELECT command denied|denied to user/,
    );
    assert.deepEqual(await firstColumn(shop, { stream: "secret" }, { columns: { only: ["id"] } }), [1]);
    await database.run(`REVOKE SELECT (id) ON ${database.name}.secret FROM ${user}`);
    await rejects(
      () => readAll(shop, { stream: "secret" }),
      "forbidden",
      new RegExp(`GRANT SELECT ON \`${database.name}\`.\`secret\` TO '${user}'@`),
    );
    await rejects(
      () => readAll(shop, { stream: "mysql.user" }),
      "forbidden",
      /GRANT SELECT ON `mysql`.`user` TO/,
    );
    url.pathname = "/mysql";
    await rejects(
      () => openMysql(url.href),
      "forbidden",
      /Access denied for user .* to database 'mysql'.*GRANT SELECT ON database\.\*/,
    );
  } finally {
    await database.run(`DROP USER ${user}`);
  }
});

Deno.test("a stream that writes is refused, and leaves nothing", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (id INT); CREATE FUNCTION f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO t VALUES (1); RETURN 1; END",
  );
  await using shop = await openMysql(database.url);
  await rejects(
    () => readAll(shop, { query: "SELECT f() AS n" }),
    "forbidden",
    /may not write; take that out of the query/,
  );
  assert.deepEqual(await database.run("SELECT * FROM t"), []);
});

Deno.test("a table without rows gives one batch with its columns", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (a INT, b VARCHAR(5))");
  await using shop = await openMysql(database.url);
  const batches = await readAll(shop, { stream: "t" });
  assert.equal(batches.length, 1);
  assert.equal(batches[0]?.numRows, 0);
  assert.deepEqual(batches[0]?.schema.fields.map(({ name }) => name), ["a", "b"]);
});

Deno.test("describe() gives the primary key in its order, where all of it is read", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (c, a)); CREATE TABLE u (a INT UNIQUE)",
  );
  await using shop = await openMysql(database.url);
  const keyOf = async (own: Own, more = {}) =>
    (await shop.source.describe(mysqlRequest(own, more), never())).primaryKey;
  assert.deepEqual(await keyOf({ stream: "t" }), ["c", "a"]);
  assert.equal(await keyOf({ stream: "t" }, { columns: { except: ["c"] } }), undefined);
  assert.equal(await keyOf({ stream: "u" }), undefined);
  assert.equal(await keyOf({ query: "SELECT * FROM t" }), undefined);
});

Deno.test("discover() lists tables and views with columns, keys and sizes, and nothing of the servers' own", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE orders (id BIGINT UNSIGNED AUTO_INCREMENT, note VARCHAR(20), h INT INVISIBLE, PRIMARY KEY (id)); " +
      "INSERT INTO orders (note) SELECT 'x' FROM seq_1_to_1000; CREATE VIEW v AS SELECT id FROM orders; " +
      "CREATE TABLE _sluice_loads (id INT); CREATE TABLE `odd.name` (a INT NOT NULL); CREATE SEQUENCE s; ANALYZE TABLE orders",
  );
  await using shop = await openMysql(database.url);
  const found: DiscoveredStream[] = [];
  for await (const stream of shop.source.discover?.(never()) ?? []) found.push(stream);
  assert(found.every(({ name }) => !/^(?:mysql|information_schema|performance_schema|sys)\./.test(name)));
  const own = found.filter(({ name }) => name.startsWith(`${database.name}.`));
  assert.deepEqual(own.map(({ name }) => name.slice(database.name.length + 1)), ["odd.name", "orders", "v"]);
  const [odd, orders, view] = own;
  assert.deepEqual(orders?.columns, [
    { name: "id", type: "bigint(20) unsigned", nullable: false },
    { name: "note", type: "varchar(20)", nullable: true },
  ]);
  assert.deepEqual([orders?.kind, orders?.primaryKey, view?.kind, view?.rows], [
    "table",
    ["id"],
    "view",
    null,
  ]);
  assert((orders?.rows ?? 0) > 500 && (orders?.sizeBytes ?? 0) >= 16_384);
  for (const stream of [odd, orders, view]) assert((await readAll(shop, stream?.address ?? {})).length > 0);
});

/** Values of a column in their order, their cursor's text in DuckDB and its type. */
const CURSORS:
  readonly (readonly [definition: string, type: string, literals: readonly string[], cursor: string])[] = [
    ["INT", "INTEGER", ["-5", "3", "10"], "3"],
    ["BIGINT UNSIGNED", "UBIGINT", ["0", "9007199254740993", "18446744073709551615"], "9007199254740993"],
    [
      "DECIMAL(20,5)",
      "DECIMAL(20,5)",
      ["-1.5", "123456789012345.00001", "123456789012345.00002"],
      "123456789012345.00001",
    ],
    ["FLOAT", "FLOAT", ["0.05", "0.7", "1e30"], "0.7"],
    ["DOUBLE", "DOUBLE", ["-1e300", "0.30000000000000004", "1e300"], "0.30000000000000004"],
    ["BIT(1)", "BOOLEAN", ["b'0'", "b'1'", "b'1'"], "true"],
    ["BIT(12)", "UBIGINT", ["1", "9", "100"], "9"],
    ["YEAR", "SMALLINT", ["1950", "2000", "2024"], "2000"],
    ["DATE", "DATE", ["'0001-01-01'", "'2024-02-29'", "'9999-12-31'"], "2024-02-29"],
    ["DATE", "DATE", ["'0000-02-01'", "'0000-03-01'", "'0001-01-01'"], "0001-03-01 (BC)"],
    ["TIME(6)", "TIME", ["'00:00'", "'11:12:13.000001'", "'11:12:13.000002'"], "11:12:13.000001"],
    ["DATETIME(6)", "TIMESTAMP", [
      "'1000-01-01'",
      "'2024-02-29 01:02:03.000004'",
      "'2024-02-29 01:02:03.000005'",
    ], "2024-02-29 01:02:03.000004"],
    ["TIMESTAMP(6) NULL", "TIMESTAMP WITH TIME ZONE", [
      "'1970-01-02'",
      "'2024-02-29 01:02:03.000004'",
      "'2024-02-29 01:02:03.000005'",
    ], "2024-02-29 03:02:03.000004+02"],
    // In the order of bytes, whatever the collation is, and with spaces at the end.
    ["VARCHAR(10)", "VARCHAR", ["'B'", "'a'", "'a '"], "a"],
    ["VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_german1_ci", "VARCHAR", ["'Z'", "'é'", "'ö'"], "é"],
    ["CHAR(10)", "VARCHAR", ["''", "'O''Neil\\\\'", "'漢字'"], "O'Neil\\"],
    ["ENUM('z', 'm', 'a')", "VARCHAR", ["'a'", "'m'", "'z'"], "m"],
    ["UUID", "UUID", [
      "'00000000-0000-1000-8000-000000000000'",
      "'11111111-0000-1000-8000-000000000000'",
      "'22222222-0000-0000-8000-000000000000'",
    ], "11111111-0000-1000-8000-000000000000"],
  ];

Deno.test("a cursor asks for its own value, what comes after it, and NULLs; until closes the window", async (t) => {
  await using database = await server.createDatabase();
  await using shop = await openMysql(database.url);
  for (const [definition, type, literals, value] of CURSORS) {
    await t.step(`${definition} ${value}`, async () => {
      await database.run(
        `SET sql_mode = ''; SET time_zone = '+00:00'; DROP TABLE IF EXISTS t; CREATE TABLE t (id INT, k ${definition}); INSERT INTO t VALUES (0, NULL)`,
      );
      const values = literals.map((literal, i) => `(${i + 1}, ${literal})`).join(", ");
      await database.run(`SET time_zone = '+00:00'; INSERT INTO t VALUES ${values}`);
      const cursor: Cursor = { column: "k", value, type };
      const until = (isRange: boolean): Until => ({ column: "K", value, type, isRange });
      const ids = async (more: Parameters<typeof mysqlRequest>[1]) =>
        rowsOf(await readAll(shop, { query: "SELECT * FROM t ORDER BY id" }, more)).map(([id]) => id)
          .toSorted((a, b) => Number(a) - Number(b));
      assert.deepEqual(await ids({ cursor }), [0, 2, 3]);
      const ties = definition === "BIT(1)" ? [0, 1, 2, 3] : [0, 1, 2];
      assert.deepEqual(await ids({ until: until(false) }), ties);
      assert.deepEqual(await ids({ until: until(true) }), [1]);
      const greatest = await shop.source.greatest?.(mysqlRequest({ stream: "t" }), "k", never());
      assert(greatest !== undefined);
      assert.deepEqual(await ids({ until: { ...greatest, isRange: false } }), [0, 1, 2, 3]);
      assert.deepEqual(
        await ids({ cursor, until: { ...greatest, isRange: true } }),
        definition === "BIT(1)" ? [] : [2],
      );
    });
  }
});

Deno.test("a column without an order that both sides share is no cursor", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (b BLOB, d DECIMAL(65,30), j JSON, p POINT, i INET6)");
  await using shop = await openMysql(database.url);
  for (const column of ["b", "d", "j", "p", "i"]) {
    const cursor = { column, value: "1", type: "VARCHAR" };
    await rejects(() => readAll(shop, { stream: "t" }, { cursor }), "invalid", /has a type whose order/);
    assert.equal(await shop.source.greatest?.(mysqlRequest({ stream: "t" }), column, never()), undefined);
  }
  const cursor = { column: "q", value: "1", type: "INTEGER" };
  await rejects(() => readAll(shop, { stream: "t" }, { cursor }), "invalid", /update_key "q" is no column/);
});

Deno.test("rows whose zero date is read as NULL come again like those of NULL", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "SET sql_mode = ''; CREATE TABLE t (id INT, d DATETIME NULL); INSERT INTO t VALUES (1, '2024-01-01'), (2, 0), (3, '2024-03-01'), (4, NULL)",
  );
  await using shop = await openMysql(database.url);
  const cursor = { column: "d", value: "2024-02-01 00:00:00", type: "TIMESTAMP" };
  const own = { stream: "t", options: { zero_dates: "null" } };
  assert.deepEqual(await firstColumn(shop, own, { cursor }), [2, 3, 4]);
});

async function readParts(shop: MysqlConnection, own: Own, column: string, rows: number) {
  const parts = await shop.source.partition?.(mysqlRequest(own), { column, rows }, never()) ?? [];
  const read: Cell[][] = [];
  for (const part of parts) read.push(await firstColumn(shop, own, { part }));
  return { parts, read };
}

Deno.test("parts have the rows once each, by any column with an order, and NULLs as one more", async (t) => {
  await using database = await server.createDatabase();
  await using shop = await openMysql(database.url);
  await database.run(
    `SET sql_mode = ''; CREATE TABLE t (id INT PRIMARY KEY, few INT, name VARCHAR(20), d DATE NOT NULL, f FLOAT, ts TIMESTAMP(6) NULL, KEY (few));
     INSERT INTO t SELECT seq, IF(seq % 100 = 0, NULL, seq % 7), CONCAT('N', seq % 10, ' '), IF(seq % 50 = 0, 0, DATE '2024-01-01' + INTERVAL seq DAY), seq / 3,
       IF(seq % 9 = 0, NULL, FROM_UNIXTIME(seq * 1000.123456)) FROM seq_1_to_1000`,
  );
  for (const column of ["id", "few", "name", "d", "f", "ts"]) {
    await t.step(column, async () => {
      const own = { stream: "t", options: { zero_dates: "null" } };
      const { parts, read } = await readParts(shop, own, column, 100);
      const ids = read.flat().map(Number).toSorted((a, b) => a - b);
      assert.deepEqual(ids, Array.from({ length: 1000 }, (_, i) => i + 1));
      assert.equal(new Set(parts.map(({ id }) => id)).size, parts.length);
      assert(parts.length >= 7, String(parts.length));
    });
  }
  const { parts } = await readParts(shop, { stream: "t", options: { zero_dates: "null" } }, "id", 400);
  assert.deepEqual(parts.map(({ id }) => id), ["..400", "400..800", "800..1000"]);
});

Deno.test("a part's rows do not change with rows that come later beyond its bound", async () => {
  await using database: MariadbDatabase = await server.createDatabase();
  await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t SELECT seq FROM seq_1_to_10");
  await using shop = await openMysql(database.url);
  const parts =
    await shop.source.partition?.(mysqlRequest({ stream: "t" }), { column: "id", rows: 4 }, never()) ?? [];
  await database.run("INSERT INTO t SELECT seq FROM seq_11_to_20");
  const last = parts.at(-1);
  assert(last !== undefined);
  assert.deepEqual(await firstColumn(shop, { stream: "t" }, { part: last }), [9, 10]);
  const empty = await shop.source.partition?.(
    mysqlRequest({ query: "SELECT 1 AS a FROM DUAL WHERE 1 = 0" }),
    { column: "a", rows: 5 },
    never(),
  );
  assert.equal(empty?.length, 1);
});

Deno.test("a stream is one snapshot, whatever is written while it is read", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v INT) ENGINE = InnoDB; INSERT INTO t SELECT seq, 1 FROM seq_1_to_200000",
  );
  await using shop = await openMysql(database.url);
  let sum = 0;
  let rows = 0;
  for await (const message of shop.source.read({ streams: [mysqlRequest({ stream: "t" })] }, never())) {
    if (message.type !== "rows") continue;
    if (rows === 0) {
      await database.run(
        "UPDATE t SET v = 2; DELETE FROM t WHERE id > 100000; INSERT INTO t VALUES (500000, 7)",
      );
    }
    rows += message.batch.numRows;
    for (const [, v] of rowsOf([message.batch])) sum += Number(v);
  }
  assert.deepEqual([rows, sum], [200_000, 200_000]);
});

Deno.test("estimateRows() is near for a table and for a query", async () => {
  await using database = await server.createDatabase();
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY) ENGINE = InnoDB; INSERT INTO t SELECT seq FROM seq_1_to_50000; ANALYZE TABLE t",
  );
  await using shop = await openMysql(database.url);
  for (const own of [{ stream: "t" }, { query: "SELECT id FROM t" }]) {
    const rows = await shop.source.estimateRows?.(mysqlRequest(own), never());
    assert(rows !== null && rows !== undefined && rows > 25_000 && rows < 100_000, String(rows));
  }
});

Deno.test("warnings of the server are logged, and a value that it cut is an error", async () => {
  await using database = await server.createDatabase();
  await using shop = await openMysql(database.url);
  const messages: string[] = [];
  const streams = [mysqlRequest({ query: "SELECT CAST(CONCAT('x', seq) AS DOUBLE) AS n FROM seq_1_to_3" })];
  for await (const message of shop.source.read({ streams }, never())) {
    if (message.type === "log") messages.push(`${message.level}: ${message.message}`);
  }
  assert.equal(messages.length, 1);
  assert.match(messages[0] ?? "", /^warn: shop: the server warns: Truncated incorrect DOUBLE value: 'x1'/);
  await rejects(
    () => readAll(shop, { query: "SELECT REPEAT(CONCAT('x', seq), 200000000) AS v FROM seq_1_to_1" }),
    "invalid",
    /a value is longer than the server can make it/,
  );
});
