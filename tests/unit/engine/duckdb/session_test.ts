import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { SqlError } from "../../../../contract/sql.ts";
import { withSession } from "./fixtures.ts";

Deno.test("run() answers the rows changed by the last statement", async () => {
  await withSession(async (session) => {
    assert.equal(await session.run("CREATE TABLE t (a INTEGER)"), 0);
    assert.equal(await session.run("CREATE TABLE u AS FROM range(7)"), 7);
    assert.equal(await session.run("INSERT INTO t SELECT 1; INSERT INTO t VALUES (1), (2)"), 2);
    assert.equal(await session.run("UPDATE t SET a = 5 WHERE a = $1", [1]), 2);
    assert.equal(await session.run("DELETE FROM t"), 3);
    assert.equal(await session.run("SELECT 1"), 0);
    assert.equal(await session.run("-- nothing"), 0);
    assert.equal(await session.run("INSERT INTO t VALUES (1); DELETE FROM t WHERE a = $1", [9]), 0);
    assert.deepEqual(await session.rows("FROM t"), [{ a: 1 }]);
  });
});

Deno.test("rows() gives JSON-safe values", async () => {
  await withSession(async (session) => {
    const [row] = await session.rows(`SELECT true AS b, -5::TINYINT AS i, 200::UTINYINT AS u,
      9007199254740991 AS safe, 9007199254740992 AS unsafe, 170141183460469231731687303715884105727 AS huge,
      340282366920938463463374607431768211455::UHUGEINT AS uhuge, 1.50::DECIMAL(5,2) AS d,
      0.1::FLOAT AS f, 0.1::DOUBLE AS g, 'nan'::DOUBLE AS nan, '-inf'::FLOAT AS inf,
      'é😀' || chr(0) || 'x' AS s, 'longer than twelve bytes' AS l, '{"a": 1}'::JSON AS j,
      'b'::ENUM('a', 'b') AS e, '\\x00\\xAA'::BLOB AS bl, uuid '00112233-4455-6677-8899-aabbccddeeff' AS id,
      DATE '0044-03-15 (BC)' AS bc, 'infinity'::DATE AS di, TIME '01:02:03.000004' AS t,
      TIMESTAMP '1969-12-31 23:59:59.5' AS ts, TIMESTAMPTZ '2020-06-01 12:00:00+02' AS tz,
      '-infinity'::TIMESTAMPTZ AS tzi, '2020-01-01 00:00:00.000000001'::TIMESTAMP_NS AS ns,
      INTERVAL '1 month -2 days' AS iv, [1, NULL] AS li, {'a': 1, 'b': 'x'} AS st, MAP {'k': 1} AS m,
      [1, 2]::INTEGER[2] AS ar, union_value(n := 1) AS un, '101'::BIT AS bi,
      '-123456789012345678901234567890'::BIGNUM AS bn, TIMETZ '12:00:00+02' AS ttz, NULL AS n`);
    assert.deepEqual(row, {
      b: true,
      i: -5,
      u: 200,
      safe: 9_007_199_254_740_991,
      unsafe: "9007199254740992",
      huge: "170141183460469231731687303715884105727",
      uhuge: "340282366920938463463374607431768211455",
      d: "1.50",
      f: 0.1,
      g: 0.1,
      nan: "nan",
      inf: "-inf",
      s: "é😀\0x",
      l: "longer than twelve bytes",
      j: '{"a": 1}',
      e: "b",
      bl: "\\x00\\xAA",
      id: "00112233-4455-6677-8899-aabbccddeeff",
      bc: "0044-03-15 (BC)",
      di: "infinity",
      t: "01:02:03.000004",
      ts: "1969-12-31 23:59:59.5",
      tz: "2020-06-01 10:00:00+00",
      tzi: "-infinity",
      ns: "2020-01-01 00:00:00.000000001",
      iv: "1 month -2 days",
      li: "[1, NULL]",
      st: "{'a': 1, 'b': x}",
      m: "{k=1}",
      ar: "[1, 2]",
      un: "1",
      bi: "101",
      bn: "-123456789012345678901234567890",
      ttz: "12:00:00+02",
      n: null,
    });
  });
});

Deno.test("rows() reads more than one chunk and keeps columns of one name apart", async () => {
  await withSession(async (session) => {
    const rows = await session.rows(
      "SELECT i, CASE WHEN i % 2 = 0 THEN 'v' || i END AS s FROM range(5_000) t(i)",
    );
    assert.equal(rows.length, 5_000);
    assert.deepEqual([rows[4_998], rows[4_999]], [{ i: 4_998, s: "v4998" }, { i: 4_999, s: null }]);
    assert.deepEqual(await session.rows("SELECT 1 AS a, 2 AS a, 3 AS a_1"), [{ a: 1, a_2: 2, a_1: 3 }]);
    assert.deepEqual(await session.rows("SELECT 1 AS a WHERE false"), []);
  });
});

Deno.test("rows() binds values by their kind", async () => {
  await withSession(async (session) => {
    const values = ["it's é", 7, 1.5, 2n ** 60n, 2n ** 100n, true, null, new Date(-1), -0];
    const types = values.map((_, i) => `typeof($${i + 1}) AS t${i}`);
    const [row] = await session.rows(`SELECT ${types.join(", ")}`, values);
    assert.deepEqual(Object.values(row ?? {}), [
      "VARCHAR",
      "BIGINT",
      "DOUBLE",
      "BIGINT",
      "HUGEINT",
      "BOOLEAN",
      '"NULL"',
      "TIMESTAMP WITH TIME ZONE",
      "DOUBLE",
    ]);
    assert.deepEqual(await session.rows("SELECT $1 AS s, $2 AS d", ["it's é", new Date(-1)]), [
      { s: "it's é", d: "1969-12-31 23:59:59.999+00" },
    ]);
    await assert.rejects(session.rows("SELECT $1", []), { code: "invalid" });
    await assert.rejects(session.rows("SELECT $1", [1, 2]), {
      code: "invalid",
      message: /2 values.*1 param/,
    });
    await assert.rejects(session.rows("SELECT $1", [new Date(NaN)]), { code: "invalid" });
    await assert.rejects(session.rows("SELECT $1", [2n ** 200n]), { code: "invalid" });
  });
});

Deno.test("table() keeps columns of any name in their order, and columnTypes() says their types without a statement", async () => {
  await withSession(async (session) => {
    await session.run(
      `CREATE TABLE t AS SELECT 1 AS "b c", 'é' AS "10", 1.5 AS "2", '\\xAA'::BLOB AS "q""", NULL::JSON AS j`,
    );
    assert.deepEqual(await session.table("SELECT left(CAST(COLUMNS(*) AS VARCHAR), 5) FROM t"), {
      columns: ["b c", "10", "2", 'q"', "j"],
      rows: [["1", "é", "1.5", "\\xAA", null]],
    });
    const described = (await session.describe("FROM t")).map(({ type }) => type);
    assert.deepEqual(await session.columnTypes("main", "t"), described);
    assert.deepEqual(described, ["INTEGER", "VARCHAR", "DECIMAL(2,1)", "BLOB", "JSON"]);
    await session.run("CREATE VIEW v AS FROM t");
    for (const name of ["v", "nothing"]) await assert.rejects(session.columnTypes("main", name), SqlError);
    // An attempt that fails leaves the session and its transaction as they were.
    await session.transaction(async () => {
      await session.run('INSERT INTO t BY NAME SELECT 2 AS "b c"');
      await assert.rejects(session.columnTypes("main", "nothing"), SqlError);
    });
    assert.deepEqual(await session.rows("SELECT count(*) AS n FROM t"), [{ n: 2 }]);
  });
});

Deno.test("describe() tells columns and types in DuckDB's own words, without running the query", async () => {
  await withSession(async (session) => {
    await session.setVariable("region", "eu");
    const sql =
      `SELECT getvariable('region') AS r, error('never run') AS x, 1.5 AS d, TIMESTAMPTZ '2020-01-01' AS tz,
      {'key': 1, 'Plain': [1], 'a b': MAP {'k': 'x'}, 'select': [1]::TINYINT[1], 'q"': NULL::JSON} AS s,
      'b'::ENUM('a', 'it''s') AS e, union_value(n := 1) AS u`;
    await session.run("CREATE TABLE t AS SELECT 1 AS a");
    const described = await session.describe(
      sql.replace("error('never run')", "a").replace("'b'::", "'a'::") + " FROM t",
    );
    const [types] = await session.rows(
      `SELECT ${described.map(({ name }) => `typeof(${name}) AS ${name}`).join(", ")} FROM (
        ${sql.replace("error('never run')", "a").replace("'b'::", "'a'::")} FROM t)`,
    );
    assert.deepEqual(Object.fromEntries(described.map(({ name, type }) => [name, type])), types);
    assert.equal((await session.describe(sql.replace("'b'::", "'a'::")))[1]?.name, "x");
  });
});

/** [SQL with ^ before the fault, what the message holds]. */
const FAULTS: readonly (readonly [sql: string, type: string, text: RegExp])[] = [
  ["SELECT ^nope FROM t", "Binder", /"nope" not found/],
  ["SELECT 'é😀',\n  'ü' AS x,\n ^nope\nFROM t", "Binder", /"nope" not found/],
  ["SELECT * FROM ^missing_table", "Catalog", /missing_table/],
  ["SELECT 'é😀é' x ^frm t u", "Parser", /syntax error at or near "frm"/],
  ["^SELEC 1", "Parser", /syntax error at or near "SELEC"/],
  ["SELECT ^no_function('é')", "Catalog", /no_function/],
  ["SELECT 'é', a ^+ [1] FROM t", "Binder", /No function matches/],
];

for (const [marked, type, text] of FAULTS) {
  const sql = marked.replace("^", "");
  for (
    const [way, prefix] of [["describe", ""], ["run", ""], ["run", "CREATE TABLE new AS "], [
      "rows",
      "SELECT 'é';\n",
    ]] as const
  ) {
    Deno.test(`${way}() gives the place of the fault in ${JSON.stringify(prefix + marked)}`, async () => {
      await withSession(async (session) => {
        await session.run("CREATE TABLE t AS SELECT 1 AS a");
        // A syntax error in the middle of CREATE TABLE AS … is found at another word.
        if (prefix.startsWith("CREATE") && marked.startsWith("^")) return;
        await assert.rejects(session[way](prefix + sql), (error) => {
          assert.ok(error instanceof SqlError);
          assert.deepEqual([error.code, error.type], ["invalid", type]);
          assert.match(error.message, text);
          assert.doesNotMatch(error.message, /LINE|\n|\^/);
          assert.equal(error.position, prefix.length + marked.indexOf("^"));
          return true;
        });
      });
    });
  }
}

Deno.test("run() says what kind of failure it met", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER NOT NULL)");
    const cases: readonly (readonly [string, string, string])[] = [
      ["SELECT 'x'::INTEGER", "invalid", "Conversion"],
      ["INSERT INTO t VALUES (1, 1), (1, 2)", "invalid", "Constraint"],
      ["INSERT INTO t VALUES (1, NULL)", "invalid", "Constraint"],
      ["SELECT error('own words')", "invalid", "Invalid Input"],
      ["SELECT 1e308 * 10::DECIMAL(38,0)::HUGEINT::TINYINT::INTEGER * 'x'", "invalid", "Binder"],
      ["COMMIT", "conflict", "TransactionContext"],
    ];
    for (const [sql, code, type] of cases) {
      await assert.rejects(session.run(sql), (error) => {
        assert.ok(error instanceof SqlError, sql);
        assert.deepEqual([error.code, error.type], [code, type], sql);
        return true;
      });
    }
    await assert.rejects(session.run("SELECT 'cut\0off'"), { code: "invalid", message: /NUL/ });
    assert.deepEqual(await session.rows("SELECT 1 AS a"), [{ a: 1 }]);
  });
});

Deno.test("run() drops a position that lies in a view's text and not in the given one", async () => {
  await withSession(async (session) => {
    await session.run(
      "CREATE VIEW v AS SELECT 1 AS a, 2 AS b, 3 AS c, ('x' || range)::INTEGER AS d FROM range(3)",
    );
    await assert.rejects(session.rows("FROM v"), (error) => {
      assert.ok(error instanceof SqlError);
      assert.equal(error.position, undefined);
      return true;
    });
  });
});

Deno.test("transaction() commits what work did, and rolls back when it throws", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER)");
    assert.equal(await session.transaction(() => session.run("INSERT INTO t VALUES (1)")), 1);
    await assert.rejects(
      session.transaction(async () => {
        await session.run("INSERT INTO t VALUES (2)");
        throw new AppError("not_found", "gone");
      }),
      { code: "not_found" },
    );
    await assert.rejects(session.transaction(() => session.run("INSERT INTO nowhere VALUES (1)")), {
      code: "invalid",
    });
    assert.deepEqual(await session.rows("FROM t"), [{ a: 1 }]);
  });
});

Deno.test("a transaction that begins with its first statement says where that is wrong, and holds what comes later", async () => {
  await withSession(async (session, database) => {
    await using other = await database.session();
    await session.run("CREATE TABLE t (a INTEGER)");
    const seen = async () => Number((await other.rows("SELECT count(*) AS n FROM t"))[0]?.["n"]);
    for (
      const [wrong, type] of [["SELECT 'é', ^nope FROM t", "Binder"], [
        "SELECT 'é' x ^frm t u",
        "Parser",
      ]] as const
    ) {
      await assert.rejects(
        session.transaction(async () => {
          const first = session.rows(wrong.replace("^", ""));
          await assert.rejects(first, { type, position: wrong.indexOf("^") });
          // Whatever became of the first: this is in the transaction, too.
          await session.run("INSERT INTO t VALUES (1)");
          assert.equal(await seen(), 0);
          throw new Error("enough");
        }),
        /enough/,
      );
      assert.equal(await seen(), 0);
    }
    await session.transaction(async () => {
      assert.deepEqual(await session.describe("FROM t"), [{ name: "a", type: "INTEGER" }]);
      await session.run("INSERT INTO t VALUES ($1)", [1]);
      assert.equal(await seen(), 0);
    });
    assert.equal(await seen(), 1);
    await session.transaction(() => Promise.resolve());
    await session.run("INSERT INTO t VALUES (2)");
    assert.equal(await seen(), 2);
  });
});

Deno.test("insertAtCommit() inserts rows with the commit, those of one table together, or none of them", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER PRIMARY KEY); CREATE TABLE u (a INTEGER)");
    const rows = async (table = "t") => (await session.rows(`FROM ${table} ORDER BY a`)).map(({ a }) => a);
    await session.transaction(async () => {
      await session.insertAtCommit("t", "(2)");
      await session.insertAtCommit("u", "(7)");
      await session.insertAtCommit("t", "(1)");
      assert.deepEqual(await rows(), []);
    });
    assert.deepEqual([await rows(), await rows("u")], [[1, 2], [7]]);
    const failing = session.transaction(async () => {
      await session.run("INSERT INTO t VALUES (3)");
      await session.insertAtCommit("u", "(8)");
      await session.insertAtCommit("t", "(1)");
    });
    await assert.rejects(failing, { type: "Constraint" });
    const undone = session.transaction(async () => {
      await session.insertAtCommit("t", "(5)");
      throw new Error("undone");
    });
    await assert.rejects(undone, /undone/);
    await session.transaction(() => session.run("INSERT INTO t VALUES (6)"));
    await session.insertAtCommit("t", "(8)");
    assert.deepEqual([await rows(), await rows("u")], [[1, 2, 6, 8], [7]]);
  });
});

Deno.test("setVariables() sends what is not set so already", async () => {
  await withSession(async (session) => {
    const value = async () => (await session.rows("SELECT getvariable('v') AS v"))[0]?.["v"];
    await session.setVariables({ v: null });
    assert.equal(await value(), null);
    await session.setVariables({ v: "'a'" });
    assert.equal(await value(), "a");
    await session.setVariable("v", "b");
    await session.setVariables({ v: "'a'" });
    assert.equal(await value(), "a");
    await session.run("CREATE TABLE t AS SELECT 1 AS n");
    await session.setVariables({ v: "(SELECT max(n) FROM t)" });
    await session.run("INSERT INTO t VALUES (2)");
    await session.setVariables({ v: "(SELECT max(n) FROM t)" });
    assert.equal(await value(), 2);
    await assert.rejects(session.setVariables({ v: "CAST('x' AS INTEGER)" }), { type: "Conversion" });
    await using fork = await session.fork();
    for (const one of [session, fork]) {
      await one.setVariables({ v: null });
      assert.deepEqual(await one.rows("SELECT getvariable('v') AS v"), [{ v: null }]);
    }
  });
});

Deno.test("transaction() refuses another one inside, and rolls back where the commit fails", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    await assert.rejects(
      session.transaction(() => session.transaction(() => Promise.resolve())),
      { code: "internal" },
    );
    await using other = await session.fork();
    const conflict = session.transaction(async () => {
      await session.run("INSERT INTO t VALUES (2)");
      await other.run("INSERT INTO t VALUES (2)");
    });
    await assert.rejects(conflict, SqlError);
    assert.deepEqual(await session.rows("SELECT count(*) AS n FROM t"), [{ n: 2 }]);
    await session.transaction(() => session.run("INSERT INTO t VALUES (3)"));
    assert.deepEqual(await other.rows("SELECT count(*) AS n FROM t"), [{ n: 3 }]);
  });
});

Deno.test("setVariable() keeps value and type of any name, and fork() takes them over", async () => {
  await withSession(async (session) => {
    const values = {
      "s\"'é": "it's NULL",
      n: 7,
      f: 1.5,
      h: 2n ** 100n,
      b: false,
      d: new Date(0),
      none: null,
      "NULL": "NULL",
    };
    for (const [name, value] of Object.entries(values)) await session.setVariable(name, value);
    await using fork = await session.fork();
    const sql = "SELECT name, value, type FROM duckdb_variables() ORDER BY name";
    assert.deepEqual(await fork.rows(sql), await session.rows(sql));
    assert.deepEqual(
      await fork.rows(
        `SELECT getvariable('NULL') AS a, getvariable('none') AS b, typeof(getvariable('n')) AS c,
        getvariable('s"''é') AS d, typeof(getvariable('d')) AS e`,
      ),
      [{ a: "NULL", b: null, c: "BIGINT", d: "it's NULL", e: "TIMESTAMP WITH TIME ZONE" }],
    );
  });
});

Deno.test("interruptOn() stops a long query, refuses later ones and lets the transaction roll back", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER)");
    const controller = new AbortController();
    {
      using _interrupt = session.interruptOn(controller.signal);
      const work = session.transaction(async () => {
        await session.run("INSERT INTO t VALUES (1)");
        const query = session.rows("SELECT count(*) FROM range(1_000_000_000_000) t(a) WHERE hash(a) = 5");
        setTimeout(() => controller.abort(), 30);
        await query;
      });
      await assert.rejects(work, { code: "cancelled" });
      await assert.rejects(session.run("SELECT 1"), { code: "cancelled" });
    }
    assert.deepEqual(await session.rows("SELECT count(*) AS n FROM t"), [{ n: 0 }]);
  });
});

Deno.test("interruptOn() reports a deadline as timeout, and an AppError as it is", async () => {
  await withSession(async (session) => {
    const endless = "SELECT count(*) FROM range(1_000_000_000_000) t(a) WHERE hash(a) = 5";
    {
      using _interrupt = session.interruptOn(AbortSignal.timeout(30));
      await assert.rejects(session.rows(endless), { code: "timeout" });
    }
    using _interrupt = session.interruptOn(
      AbortSignal.abort(new AppError("unavailable", "the server is gone")),
    );
    await assert.rejects(session.rows("SELECT 1"), { code: "unavailable", message: "the server is gone" });
  });
});

Deno.test("DuckSession keeps the event loop free while a query runs", async () => {
  await withSession(async (session) => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await session.rows("SELECT count(*) FROM range(30_000_000) t(a) WHERE hash(a) = 5");
    clearInterval(timer);
    assert.ok(ticks > 2, `${ticks} ticks`);
  });
});

Deno.test("DuckSession runs statements that are asked for at once one after the other", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t (a INTEGER)");
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    await Promise.all(numbers.map((i) => session.run("INSERT INTO t VALUES ($1)", [i])));
    assert.deepEqual((await session.rows("FROM t")).map(({ a }) => a), numbers);
  });
});

Deno.test("DuckSession refuses statements after it is closed", async () => {
  await withSession(async (_session, database) => {
    const session = await database.session();
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await assert.rejects(session.run("SELECT 1"), { code: "internal", message: /closed/ });
  });
});
