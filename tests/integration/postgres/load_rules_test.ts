import assert from "node:assert/strict";
import { Binary, Float64, Int64, TimestampMicrosecond, Utf8 } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { type TestColumn, testColumn } from "../../support/arrow_rows.ts";
import { never, performLoad } from "../../support/connections.ts";
import { load, loadRequest, openPostgres } from "../../support/postgres_connector.ts";
import { acquirePostgres, type TestDatabase } from "../../support/postgres.ts";

/** What a load may do to a database that others made and use. */

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const ids = (...values: (bigint | null)[]): TestColumn => testColumn("id", new Int64(), values);
const names = (...values: (string | null)[]): TestColumn => testColumn("name", new Utf8(), values);
const text = (name: string, ...values: (string | null)[]): TestColumn => testColumn(name, new Utf8(), values);

async function rejects(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

async function rowsOf(database: TestDatabase, query: string): Promise<unknown[][]> {
  return (await database.sql.unsafe(query)).map((row) => Object.values(row));
}

for (const encoding of ["LATIN1", "WIN1252"]) {
  Deno.test(`load() into a database in ${encoding}, under an id with an arrow in its earlier form`, async () => {
    await using database = await server.createDatabase(encoding);
    await using connection = await openPostgres(database.url);
    const request = loadRequest({
      target: "t",
      mode: "replace",
      columns: [ids(1n), names("é")],
      loadId: "run/load:t->shop",
    });
    const earlier = { ...request, earlierLoadId: "run/load:t→shop" };
    assert.equal((await performLoad(connection.destination, earlier, never())).repeated, false);
    assert.equal((await performLoad(connection.destination, earlier, never())).repeated, true);
    assert.deepEqual(await rowsOf(database, "SELECT name FROM t"), [["é"]]);
    const misfit = load(connection, { target: "t", mode: "append", columns: [ids(2n), names("漢")] });
    await rejects(misfit, "invalid", /row 1.*no equivalent in encoding/);
  });
}

Deno.test("load() finds a load of the first release by its id, and brings that release's ledger up to date", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE t (id bigint, name text);
    CREATE TABLE _sluice_loads (load_id text PRIMARY KEY, target text NOT NULL, mode text NOT NULL, rows bigint NOT NULL,
                                made_table oid, loaded_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO _sluice_loads VALUES ('run/load:t→shop', 'public.t', 'append', 7, 't'::regclass, now()),
                                     ('ancient', 'public.t', 'append', 1, NULL, now() - interval '91 days')`);
  await using connection = await openPostgres(database.url);
  const request = loadRequest({
    target: "t",
    mode: "append",
    columns: [ids(1n), names("a")],
    loadId: "run/load:t->shop",
  });
  const known = await performLoad(
    connection.destination,
    { ...request, earlierLoadId: "run/load:t→shop" },
    never(),
  );
  assert.deepEqual([known.rows, known.repeated, known.inserted, known.hash], [7, true, null, null]);
  assert.deepEqual(await rowsOf(database, "SELECT * FROM t"), []);
  // It is a table that a load made, so that a replace may give it other columns.
  await load(connection, { target: "t", mode: "replace", columns: [text("other", "x")], loadId: "next" });
  assert.deepEqual(await rowsOf(database, "SELECT * FROM t"), [["x"]]);
  assert.deepEqual(await rowsOf(database, "SELECT load_id FROM _sluice_loads ORDER BY load_id"), [["next"], [
    "run/load:t→shop",
  ]]);
});

Deno.test("a receipt counts what became of the rows, and comes again with a load that is repeated", async () => {
  await using database = await server.createDatabase();
  await using connection = await openPostgres(database.url);
  const counts = async (mode: "replace" | "append" | "merge", columns: TestColumn[], loadId: string) => {
    const { rows, inserted, updated, deleted, hash } = await performLoad(
      connection.destination,
      {
        ...loadRequest({ target: "t", mode, primaryKey: mode === "merge" ? ["id"] : [], columns, loadId }),
        input: {
          ...loadRequest({ target: "t", mode, columns }).input,
          hash: () => Promise.resolve("00000000000000ff"),
        },
      },
      never(),
    );
    assert.equal(hash, "00000000000000ff");
    return [rows, inserted, updated, deleted];
  };
  assert.deepEqual(await counts("merge", [ids(1n, 2n), names("a", "b")], "1"), [2, 2, 0, 0]);
  assert.deepEqual(await counts("merge", [ids(2n, 3n), names("B", "c")], "2"), [2, 1, 1, 0]);
  assert.deepEqual(await counts("append", [ids(9n), names("z")], "3"), [1, 1, 0, 0]);
  assert.deepEqual(await counts("replace", [ids(5n, 6n), names("x", "y")], "4"), [2, 2, 0, 4]);
  assert.deepEqual(await counts("merge", [ids(2n, 3n), names("B", "c")], "2"), [2, 1, 1, 0]);
});

Deno.test("load() without the right to make its ledger says what the owner has to run, and that is enough", async () => {
  await using database = await server.createDatabase();
  const role = `role_${database.name}`;
  await database.sql.unsafe(`
    REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE ${role} LOGIN PASSWORD 'secret-of-role';
    CREATE TABLE t (id bigint); GRANT SELECT, INSERT, UPDATE, DELETE ON t TO ${role}`);
  try {
    const url = new URL(database.url);
    url.username = role;
    url.password = "secret-of-role";
    await using connection = await openPostgres(url.href);
    const request = { target: "t", mode: "append", columns: [ids(1n)] } as const;
    const failed = await load(connection, request).then(() => undefined, (error: unknown) => error);
    assert(failed instanceof AppError);
    assert.equal(failed.code, "forbidden");
    assert.match(failed.message, /permission denied for schema public\. .*_sluice_loads/);
    const [, create, grant] = /run once: (CREATE TABLE .*); (GRANT .*)$/.exec(failed.message) ?? [];
    await database.sql.unsafe(create ?? "");
    await database.sql.unsafe(grant ?? "");
    assert.equal((await load(connection, request)).rows, 1);
    assert.equal((await load(connection, { ...request, mode: "replace" })).deleted, 1);
  } finally {
    await database.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

Deno.test("replace is refused where foreign keys would change other tables' rows, and a merge is not", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE parent (id bigint PRIMARY KEY, name text);
    CREATE TABLE lines (id bigint REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE notes (id bigint REFERENCES parent ON DELETE SET NULL);
    INSERT INTO parent VALUES (1, 'a'); INSERT INTO lines VALUES (1); INSERT INTO notes VALUES (1)`);
  await using connection = await openPostgres(database.url);
  await rejects(
    load(connection, { target: "parent", mode: "replace", columns: [ids(2n), names("b")] }),
    "invalid",
    /would also change lines \(ON DELETE CASCADE\), notes \(ON DELETE SET NULL\)/,
  );
  assert.deepEqual(
    await rowsOf(
      database,
      "SELECT (SELECT count(*)::int FROM lines) AS lines, (SELECT count(id)::int FROM notes) AS notes",
    ),
    [[1, 1]],
  );
  await load(connection, {
    target: "parent",
    mode: "merge",
    primaryKey: ["id"],
    columns: [ids(1n), names("A")],
  });
  assert.deepEqual(await rowsOf(database, "SELECT name FROM parent"), [["A"]]);
});

Deno.test("a table that inherits from the target keeps its rows in every mode", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE t (id bigint, name text); CREATE TABLE child () INHERITS (t);
    INSERT INTO t VALUES (1, 'own'); INSERT INTO child VALUES (1, 'child')`);
  await using connection = await openPostgres(database.url);
  await load(connection, {
    target: "t",
    mode: "merge",
    primaryKey: ["id"],
    columns: [ids(1n), names("merged")],
  });
  await load(connection, { target: "t", mode: "replace", columns: [ids(2n), names("new")] });
  assert.deepEqual(await rowsOf(database, "SELECT name FROM ONLY t"), [["new"]]);
  assert.deepEqual(await rowsOf(database, "SELECT name FROM child"), [["child"]]);
});

Deno.test("a trigger that leaves rows out, or keeps them, is named and nothing is changed", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE t (id bigint PRIMARY KEY, name text); INSERT INTO t VALUES (2, 'old');
    CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF TG_OP = 'DELETE' OR NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$;
    CREATE TRIGGER skips BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION skip()`);
  await using connection = await openPostgres(database.url);
  for (const mode of ["append", "merge"] as const) {
    await rejects(
      load(connection, { target: "t", mode, primaryKey: ["id"], columns: [ids(1n, 2n), names("a", "b")] }),
      "invalid",
      /took 1 of 2 rows, since its trigger skips leaves rows out/,
    );
  }
  await database.sql.unsafe(
    "DROP TRIGGER skips ON t; CREATE TRIGGER keeps BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION skip()",
  );
  await rejects(
    load(connection, { target: "t", mode: "replace", columns: [ids(5n), names("a")] }),
    "invalid",
    /its trigger keeps keeps rows from being deleted/,
  );
  assert.deepEqual(await rowsOf(database, "SELECT name FROM t"), [["old"]]);
});

Deno.test("a replace of other columns keeps what users added to a table that a load made", async () => {
  for (
    const change of [
      "ALTER TABLE t ALTER name SET DEFAULT 'x'",
      "ALTER TABLE t ALTER name SET NOT NULL",
      "ALTER TABLE t ADD COLUMN note text",
      "ALTER TABLE t ADD CONSTRAINT named CHECK (name <> '')",
      "CREATE STATISTICS s ON id, name FROM t",
      "ALTER TABLE t ALTER name SET STATISTICS 500",
      "ALTER TABLE t SET (fillfactor = 70)",
      "CREATE INDEX ON t (name)",
      "CREATE RULE r AS ON UPDATE TO t DO ALSO NOTHING",
      "CREATE POLICY own ON t USING (true)",
      "ALTER TABLE t ALTER name SET STORAGE EXTERNAL",
      "CREATE SEQUENCE counted OWNED BY t.id",
      "CREATE FUNCTION of_t() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t'",
    ]
  ) {
    await using database = await server.createDatabase();
    await using connection = await openPostgres(database.url);
    await load(connection, { target: "t", mode: "replace", columns: [ids(1n), names("a")] });
    await database.sql.unsafe(change);
    const [before] = await database.sql`SELECT 't'::regclass::oid AS oid`;
    await load(connection, {
      target: "t",
      mode: "replace",
      columns: [ids(2n), names("b"), text("new", "n")],
    });
    const [after] = await database.sql`SELECT 't'::regclass::oid AS oid`;
    assert.deepEqual(after, before, change);
    assert.deepEqual(await rowsOf(database, `SELECT id::int, name, "new" FROM t`), [[2, "b", "n"]]);
  }
});

Deno.test("a text that a column would round, cut or read in another way is refused", async () => {
  await using database = await server.createDatabase();
  const bad: readonly (readonly [string, string])[] = [
    ["numeric(10,2)", "1.005"],
    ["real", "123456789"],
    ["double precision", "12345678901234567890"],
    ["bit(3)", "1011"],
    ["bit(3)", "1"],
    ["varbit(2)", "101"],
    [`"char"`, "ab"],
    ["date", "2024-01-02 10:00:00"],
    ["date", "now"],
    ["time", "2024-01-02 10:00:00"],
    ["time", "10:00:00+02"],
    ["timestamp(0)", "2024-01-02 10:00:00.5"],
    ["timestamp", "2024-01-02 10:00:00+02"],
    ["timestamp", "2024-01-02 10:00:00.1234567"],
    ["timestamptz(3)", "2024-01-02 10:00:00.1234+00"],
    ["interval(0)", "1.5 seconds"],
    ["integer", "1.5"],
    ["varchar(3)", "abc  "],
    ["varchar(3)", "é€😀 "],
  ];
  const good: readonly (readonly [string, string, string])[] = [
    ["numeric(10,2)", "1.50", "1.50"],
    ["real", "0.1", "0.1"],
    ["real", "NaN", "NaN"],
    ["double precision", "0.1", "0.1"],
    ["bit(3)", "101", "101"],
    [`"char"`, "a", "a"],
    ["date", "2024-01-02", "2024-01-02"],
    ["date", "infinity", "infinity"],
    ["time", "10:00:00.5", "10:00:00.5"],
    ["timestamp(0)", "2024-01-02 10:00:00", "2024-01-02 10:00:00"],
    ["timestamp", "2024-01-02 10:00:00.123456", "2024-01-02 10:00:00.123456"],
    ["interval(0)", "3 days", "3 days"],
    ["integer", "42", "42"],
    ["varchar(4)", "é€😀 ", "é€😀 "],
  ];
  await using connection = await openPostgres(database.url);
  for (const [type, value] of bad) {
    await database.sql.unsafe(`DROP TABLE IF EXISTS t; CREATE TABLE t (v ${type})`);
    await rejects(
      load(connection, { target: "t", mode: "append", columns: [text("v", null, value)] }),
      "invalid",
      /column "v"/,
    );
  }
  for (const [type, value, stored] of good) {
    await database.sql.unsafe(`DROP TABLE IF EXISTS t; CREATE TABLE t (v ${type})`);
    await load(connection, { target: "t", mode: "append", columns: [text("v", null, value)] });
    assert.deepEqual(await rowsOf(database, "SELECT v::text FROM t WHERE v IS NOT NULL"), [[stored]], type);
  }
  await database.sql.unsafe("DROP TABLE t; CREATE TABLE t (v real)");
  const doubles = (...values: number[]) =>
    load(connection, { target: "t", mode: "append", columns: [testColumn("v", new Float64(), values)] });
  await rejects(doubles(123456789), "invalid", /column "v" is 123456789/);
  await doubles(0.1, 16777216, Infinity, NaN);
});

Deno.test("merge refuses a table that holds a key of the rows twice", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(
    "CREATE TABLE t (id bigint, name text); INSERT INTO t VALUES (1, 'a'), (1, 'b'), (2, 'c')",
  );
  await using connection = await openPostgres(database.url);
  const merge = (id: bigint) =>
    load(connection, { target: "t", mode: "merge", primaryKey: ["id"], columns: [ids(id), names("new")] });
  await rejects(merge(1n), "conflict", /rows with the same id, as \(1\)/);
  assert.deepEqual(await merge(2n).then(({ inserted, updated }) => [inserted, updated]), [0, 1]);
});

Deno.test("replace is refused where rules, triggers, or foreign keys to partitions would change other tables", async () => {
  const deletes = "$$ BEGIN DELETE FROM other WHERE id = OLD.id; RETURN OLD; END $$";
  const empties = "$$ BEGIN UPDATE other SET id = NULL WHERE id = OLD.id; RETURN OLD; END $$";
  const noted = "$$ BEGIN INSERT INTO other VALUES (OLD.id); RETURN OLD; END $$";
  const trigger = (body: string) =>
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS ${body};
     CREATE TRIGGER g AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()`;
  const cases: readonly (readonly [string, RegExp | undefined])[] = [
    ["CREATE RULE r AS ON DELETE TO t DO ALSO DELETE FROM other", /its rule r does on DELETE/],
    [trigger(deletes), /its trigger g does on DELETE/],
    [trigger(empties), /its trigger g does on DELETE/],
    [trigger(noted), undefined],
    [
      `DROP TABLE t; CREATE TABLE t (id bigint, name text) PARTITION BY RANGE (id);
       CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); ALTER TABLE t1 ADD PRIMARY KEY (id);
       ALTER TABLE other ADD FOREIGN KEY (id) REFERENCES t1 ON DELETE CASCADE`,
      /other \(ON DELETE CASCADE\)/,
    ],
  ];
  for (const [change, expected] of cases) {
    await using database = await server.createDatabase();
    await database.sql.unsafe(
      `CREATE TABLE t (id bigint PRIMARY KEY, name text); CREATE TABLE other (id bigint);
      ${change}; INSERT INTO t VALUES (1, 'a'); INSERT INTO other VALUES (1)`,
    );
    await using connection = await openPostgres(database.url);
    const replacing = load(connection, { target: "t", mode: "replace", columns: [ids(2n), names("b")] });
    if (expected === undefined) await replacing;
    else await rejects(replacing, "invalid", expected);
    assert.deepEqual(await rowsOf(database, "SELECT min(id)::int FROM other"), [[1]], change);
  }
});

Deno.test("a new column is not given to tables that inherit", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe("CREATE TABLE t (id bigint); CREATE TABLE child () INHERITS (t)");
  await using connection = await openPostgres(database.url);
  await rejects(
    load(connection, { target: "t", mode: "append", columns: [ids(1n), names("a")] }),
    "invalid",
    /no column "name", and to add it would change child/,
  );
});

Deno.test("sequences behind loaded columns move on, and a user who may not move them is told", async () => {
  await using database = await server.createDatabase();
  const role = `role_${database.name}`;
  await database.sql.unsafe(`
    CREATE TABLE t (id bigserial PRIMARY KEY, name text);
    CREATE TABLE u (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
    CREATE SEQUENCE down INCREMENT -1; CREATE TABLE v (id bigint DEFAULT nextval('down'), name text);
    CREATE ROLE ${role} LOGIN PASSWORD 'secret-of-role'; GRANT ALL ON SCHEMA public TO ${role};
    GRANT ALL ON t TO ${role}; GRANT USAGE ON SEQUENCE t_id_seq TO ${role}`);
  try {
    await using connection = await openPostgres(database.url);
    for (const mode of ["append", "merge", "replace"] as const) {
      const id = { append: 7n, merge: 9n, replace: 12n }[mode];
      for (const target of ["t", "u"]) {
        await load(connection, { target, mode, primaryKey: ["id"], columns: [ids(id), names(mode)] });
        await database.sql.unsafe(`INSERT INTO ${target} (name) VALUES ('own')`);
        const own = await rowsOf(database, `SELECT max(id)::int FROM ${target}`);
        assert.deepEqual(own, [[Number(id) + 1]], `${target} ${mode}`);
      }
    }
    await load(connection, { target: "v", mode: "append", columns: [ids(-5n), names("a")] });
    await database.sql.unsafe("INSERT INTO v (name) VALUES ('own')");
    assert.deepEqual(await rowsOf(database, "SELECT min(id)::int FROM v"), [[-6]]);
    // Rows without the column, or with smaller values, leave the sequence where it is.
    await load(connection, { target: "t", mode: "append", columns: [names("next")] });
    await load(connection, { target: "t", mode: "append", columns: [ids(1n), names("small")] });
    assert.deepEqual(await rowsOf(database, "SELECT max(id)::int, nextval('t_id_seq')::int FROM t"), [[
      14,
      15,
    ]]);
    assert.deepEqual(connection.messages.filter((message) => message.startsWith("warn")), []);

    const url = new URL(database.url);
    [url.username, url.password] = [role, "secret-of-role"];
    await using limited = await openPostgres(url.href);
    await rejects(
      load(limited, { target: "t", mode: "append", columns: [ids(100n), names("far")] }),
      "forbidden",
      /_sluice_loads.*Let its owner run once: GRANT SELECT, INSERT, UPDATE, DELETE/,
    );
    await database.sql.unsafe(`GRANT ALL ON _sluice_loads TO ${role}`);
    await load(limited, { target: "t", mode: "append", columns: [ids(100n), names("far")] });
    assert.match(
      limited.messages.join("\n"),
      /warn: .*sequence t_id_seq of public\.t\.id was not moved.*GRANT SELECT, UPDATE/,
    );
  } finally {
    await database.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

Deno.test("a load finds PostgreSQL's own functions and types, whatever the search_path has before them", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE SCHEMA own; CREATE DOMAIN own.text AS varchar(2); CREATE DOMAIN own.numeric AS integer;
    CREATE FUNCTION own.format(text, VARIADIC "any") RETURNS text LANGUAGE internal IMMUTABLE AS 'text_format';
    CREATE FUNCTION own.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
    CREATE TABLE t (id bigint PRIMARY KEY, name text, price numeric(8,2))`);
  await using connection = await openPostgres(database.url, {
    options: "-c search_path=own,pg_catalog,public -c array_nulls=off -c quote_all_identifiers=on",
  });
  for (const mode of ["append", "merge", "replace"] as const) {
    const columns = [ids(1n), names("longer"), testColumn("price", new Float64(), [1.5])];
    if (mode === "append") await load(connection, { target: "t", mode, columns });
    else await load(connection, { target: "t", mode, primaryKey: ["id"], columns });
    assert.deepEqual(await rowsOf(database, "SELECT id::int, name, price::text FROM t"), [[
      1,
      "longer",
      "1.50",
    ]]);
  }
});

Deno.test("replace keeps what a table has in columns that the rows lack, where the key is there", async () => {
  for (const key of ["bigint PRIMARY KEY", "bigint UNIQUE", "bigint"]) {
    await using database = await server.createDatabase();
    await database.sql.unsafe(`
      CREATE TABLE t (id ${key}, name text, note text DEFAULT 'none', twice text GENERATED ALWAYS AS (name || name) STORED);
      INSERT INTO t VALUES (1, 'old', 'first'), (9, 'old', 'ninth')`);
    await using connection = await openPostgres(database.url);
    const primaryKey = key === "bigint PRIMARY KEY" ? [] : ["id"];
    const columns = [ids(1n, 2n), names("a", "b")];
    const { inserted, updated, deleted } = await load(connection, {
      target: "t",
      mode: "replace",
      primaryKey,
      columns,
    });
    assert.deepEqual([inserted, updated, deleted], [1, 1, 1], key);
    assert.deepEqual(await rowsOf(database, "SELECT id::int, name, note, twice FROM t ORDER BY id"), [
      [1, "a", "first", "aa"],
      [2, "b", "none", "bb"],
    ]);
  }
});

Deno.test("a column of the table whose name differs by case only is the rows', where it is the only one", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE t ("ID" bigint PRIMARY KEY, name text, "Name" text)`);
  await using connection = await openPostgres(database.url);
  for (const mode of ["append", "merge", "replace"] as const) {
    await load(connection, {
      target: "t",
      mode,
      primaryKey: mode === "append" ? [] : ["id"],
      columns: [ids(1n), names(mode)],
    });
    assert.deepEqual(await rowsOf(database, `SELECT "ID"::int, name, "Name" FROM t`), [[1, mode, null]]);
  }
  await rejects(
    load(connection, { target: "t", mode: "append", columns: [ids(1n), text("NAME", "a")] }),
    "invalid",
    /a column "NAME", and the table has "name" and "Name"/,
  );
});

Deno.test("what is stored does not depend on the settings of server, database, user or session", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE t (moment text, number text, bytes text, span text, day date, at timestamptz, list integer[], cash money)`);
  const columns = [
    testColumn("moment", new TimestampMicrosecond("UTC"), [1_000_000n]),
    testColumn("number", new Float64(), [0.1 + 0.2]),
    testColumn("bytes", new Binary(), [new Uint8Array([0, 92, 255])]),
    text("span", "1 mon 3 days"),
    text("day", "2024-02-01"),
    text("at", "2024-02-01 10:00:00+02"),
    text("list", "{1,NULL}"),
    text("cash", "1234.50"),
  ];
  const select =
    "SELECT moment, number, bytes, span, day::text, at = '2024-02-01 08:00:00+00' AS at, list[2], cash::numeric FROM t";
  const stored: unknown[] = [];
  for (
    const options of [
      "",
      "-c DateStyle=SQL,DMY -c TimeZone=Asia/Kolkata -c IntervalStyle=sql_standard -c extra_float_digits=-10",
      "-c bytea_output=escape -c array_nulls=off -c standard_conforming_strings=off -c default_transaction_read_only=on",
    ]
  ) {
    await using connection = await openPostgres(database.url, options === "" ? {} : { options });
    await load(connection, { target: "t", mode: "replace", columns });
    stored.push((await rowsOf(database, select))[0]);
  }
  const expected = [
    "1970-01-01 00:00:01+00",
    "0.30000000000000004",
    "\\x005cff",
    "1 mon 3 days",
    "2024-02-01",
    true,
    null,
  ];
  assert.deepEqual(stored, [0, 1, 2].map(() => [...expected, "1234.50"]));
});
