import assert from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import type { DiscoveredStream, Part, StreamRequest } from "../../../contract/connector/source.ts";
import { type Cell, rowsOf } from "../../support/arrow_rows.ts";
import { batchesOf, never } from "../../support/connections.ts";
import { openPostgres, streamRequest, type TestConnection } from "../../support/postgres_connector.ts";
import { acquirePostgres } from "../../support/postgres.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

type More = Partial<Pick<StreamRequest, "columns" | "where" | "cursor">> & { readonly part?: Part };

async function rowsBy(
  connection: TestConnection,
  address: { stream: string } | { query: string },
  { part, ...more }: More = {},
  options: Readonly<Record<string, unknown>> = {},
): Promise<Cell[][]> {
  const streams = [{ ...streamRequest(address, options), ...more }];
  const request = part === undefined ? { streams } : { streams, part };
  return rowsOf(await Array.fromAsync(batchesOf(connection.source.read(request, never()))));
}

async function rejects(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert(error instanceof AppError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("read() gives the columns and rows that were asked for, and describe() the same columns", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE orders (id integer PRIMARY KEY, "Region" text, amount numeric(6,2), note text);
    INSERT INTO orders VALUES (1, 'eu', 1.5, 'a'), (2, 'us', 2, 'b'), (3, 'eu', NULL, 'c')`);
  await using connection = await openPostgres(database.url);
  const stream = { stream: "orders" };
  const only = { columns: { only: ["amount", "id"] } };
  assert.deepEqual(await rowsBy(connection, stream, only), [[1, 150n], [2, 200n], [3, null]]);
  const where = `"Region" = 'eu' -- and no other`;
  assert.deepEqual(await rowsBy(connection, stream, { columns: { only: ["ID"] }, where }), [[1], [3]]);
  const except = { columns: { except: ["note", "region"] }, where: "amount IS NULL OR false" };
  assert.deepEqual(await rowsBy(connection, stream, except), [[3, null]]);
  assert.deepEqual(
    await rowsBy(connection, { query: "SELECT id, amount FROM orders" }, {
      ...only,
      where: "id > 1",
      cursor: { column: "id", value: "3", type: "INTEGER" },
    }),
    [[3, null]],
  );
  const describe = async (more: More) => {
    const { schema, primaryKey } = await connection.source.describe(
      { ...streamRequest(stream), ...more },
      never(),
    );
    return [schema.fields.map(({ name }) => name), primaryKey];
  };
  assert.deepEqual(await describe({}), [["id", "Region", "amount", "note"], ["id"]]);
  assert.deepEqual(await describe(only), [["id", "amount"], ["id"]]);
  assert.deepEqual(await describe({ columns: { except: ["id"] } }), [
    ["Region", "amount", "note"],
    undefined,
  ]);
  await rejects(describe({ columns: { only: ["amout"] } }), "invalid", /names "amout".*did you mean amount/);
  await rejects(describe({ columns: { only: [] } }), "invalid", /leaves out every column/);
  await rejects(describe({ where: "nope = 1" }), "invalid", /column "nope" does not exist/);
  await rejects(
    describe({ where: "EXISTS (SELECT FROM gone)" }),
    "not_found",
    /relation "gone" does not exist/,
  );
});

Deno.test("read() refuses columns that differ by case only, unless one is left out", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE t (id integer, "ID" integer); INSERT INTO t VALUES (1, 2)`);
  await using connection = await openPostgres(database.url);
  await rejects(rowsBy(connection, { stream: "t" }), "invalid", /"id" and "ID" differ by case only/);
  assert.deepEqual(await rowsBy(connection, { stream: "t" }, { columns: { except: ["ID"] } }), [[1]]);
});

Deno.test("describe() gives a key of several columns in its order, also of a partitioned table", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE sales (day date, shop integer, n integer, PRIMARY KEY (shop, day) INCLUDE (n)) PARTITION BY LIST (shop);
    CREATE TABLE sales_1 PARTITION OF sales FOR VALUES IN (1);
    CREATE TABLE none (a integer UNIQUE)`);
  await using connection = await openPostgres(database.url);
  const key = async (stream: string) =>
    (await connection.source.describe(streamRequest({ stream }), never())).primaryKey;
  assert.deepEqual(await key("sales"), ["shop", "day"]);
  assert.equal(await key("none"), undefined);
});

Deno.test("discover() lists what can be read, with columns, keys, rows and sizes", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE SCHEMA "my.shop"; CREATE SCHEMA hidden;
    CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(10,2), gone text);
    ALTER TABLE orders DROP COLUMN gone;
    INSERT INTO orders SELECT i, 1 FROM generate_series(1, 1000) i;
    CREATE VIEW recent AS SELECT id FROM orders;
    CREATE MATERIALIZED VIEW totals AS SELECT sum(amount) AS total FROM orders;
    CREATE TABLE events (at timestamptz NOT NULL, kind text) PARTITION BY RANGE (at);
    CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
    CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2024-01-01') TO (MAXVALUE);
    INSERT INTO events SELECT '2020-01-01'::timestamptz + i * interval '1 day', 'x' FROM generate_series(1, 3000) i;
    CREATE TABLE "my.shop"."a ""b""" (x integer);
    CREATE EXTENSION file_fdw;
    CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE FOREIGN TABLE outside (line text) SERVER files OPTIONS (filename '/nowhere');
    CREATE TABLE hidden.secret (x integer);
    CREATE TABLE _sluice_loads (load_id text);
    CREATE ROLE "reader_${database.name}" LOGIN PASSWORD 'p';
    GRANT USAGE ON SCHEMA "my.shop" TO "reader_${database.name}";
    GRANT SELECT ON ALL TABLES IN SCHEMA public, "my.shop" TO "reader_${database.name}";
    CREATE TABLE narrow (a integer, b integer);
    GRANT SELECT (b) ON narrow TO "reader_${database.name}";
    CREATE TABLE closed (a integer);
    ANALYZE`);
  try {
    const url = new URL(database.url);
    url.username = `reader_${database.name}`;
    url.password = "p";
    await using connection = await openPostgres(url.href);
    const found = await Array.fromAsync(connection.source.discover?.(never()) ?? []);
    const byName = new Map(found.map((stream) => [stream.name, stream]));
    assert.deepEqual([...byName.keys()], [
      'my.shop.a "b"',
      "public.events",
      "public.narrow",
      "public.orders",
      "public.outside",
      "public.recent",
      "public.totals",
    ]);
    const { sizeBytes, ...orders }: Partial<DiscoveredStream> = byName.get("public.orders") ?? {};
    assert.deepEqual(orders, {
      address: { stream: "public.orders" },
      name: "public.orders",
      kind: "table",
      columns: [
        { name: "id", type: "bigint", nullable: false },
        { name: "amount", type: "numeric(10,2)", nullable: true },
      ],
      primaryKey: ["id"],
      rows: 1000,
    });
    assert(typeof sizeBytes === "number" && sizeBytes >= 8192);
    const events = byName.get("public.events");
    assert.equal(events?.rows, 3000);
    assert((events?.sizeBytes ?? 0) >= 8192);
    const shown = (name: string) => {
      const { kind, rows, columns = [] } = byName.get(name) ?? {};
      return [kind, rows, columns.map((column) => column.name)];
    };
    assert.deepEqual(shown("public.recent"), ["view", null, ["id"]]);
    assert.deepEqual(shown("public.totals"), ["view", 1, ["total"]]);
    assert.deepEqual(shown("public.outside"), ["table", null, ["line"]]);
    assert.deepEqual(shown("public.narrow"), ["table", 0, ["b"]]);
    const quoted = byName.get('my.shop.a "b"')?.address.stream;
    assert.equal(quoted, `"my.shop"."a ""b"""`);
    assert.deepEqual(await rowsBy(connection, { stream: String(quoted) }), []);
  } finally {
    await database.sql.unsafe(`DROP OWNED BY "reader_${database.name}"; DROP ROLE "reader_${database.name}"`);
  }
});

Deno.test("partition() cuts a stream into parts of even size that are the whole together", async () => {
  await using database = await server.createDatabase();
  await database.sql.unsafe(`
    CREATE TABLE t AS SELECT i AS id, i * i AS skewed, chr(97 + i % 26) || 'Z' AS word, (i % 2 = 0) AS even,
      CASE WHEN i % 10 > 0 THEN timestamptz '2024-01-01' + i * interval '7 minutes 3 microseconds' END AS at,
      i / 3.0::float8 AS ratio
      FROM generate_series(1, 1000) i;
    CREATE TABLE nothing (id integer)`);
  await using connection = await openPostgres(database.url);
  const partsOf = async (column: string, rows: number, more: More = {}, stream = "t") =>
    await connection.source.partition?.(
      { ...streamRequest({ stream }), ...more },
      { column, rows },
      never(),
    ) ?? [];
  for (const column of ["id", "skewed", "word", "at", "even", "ratio"]) {
    const parts = await partsOf(column, 100);
    assert.equal(new Set(parts.map(({ id }) => id)).size, parts.length);
    assert.deepEqual(await partsOf(column, 100), parts);
    const all: Cell[] = [];
    for (const part of parts) {
      // What crosses a process is JSON.
      const again: Part = JSON.parse(JSON.stringify(part));
      const rows = await rowsBy(connection, { stream: "t" }, { columns: { only: ["id"] }, part: again });
      assert(column === "even" || rows.length <= 140, `${column} ${part.id}: ${rows.length}`);
      all.push(...rows.map(([id]) => id ?? null));
    }
    assert.deepEqual(
      all.toSorted((a, b) => Number(a) - Number(b)),
      Array.from({ length: 1000 }, (_, i) => i + 1),
    );
  }
  assert.equal((await partsOf("id", 100)).length, 10);
  assert.equal((await partsOf("at", 100)).at(-1)?.id, "null");
  // Rows that come later are in no part.
  const before = await partsOf("id", 400);
  await database.sql.unsafe("INSERT INTO t (id) VALUES (5000)");
  const counts = await Promise.all(
    before.map(async (part) => (await rowsBy(connection, { stream: "t" }, { part })).length),
  );
  assert.deepEqual(counts, [400, 400, 200]);
  assert.equal((await partsOf("id", 100, { where: "id <= 250" })).length, 3);
  const [only, ...others] = await partsOf("id", 10, {}, "nothing");
  assert(only !== undefined && others.length === 0);
  assert.deepEqual(await rowsBy(connection, { stream: "nothing" }, { part: only }), []);
  await rejects(partsOf("nope", 10), "invalid", /"nope" is no column of it/);
});

Deno.test("the same value is the same text under every setting of server, database and user", async () => {
  await using plain = await server.createDatabase();
  await using odd = await server.createDatabase();
  await odd.sql.unsafe(`
    CREATE SCHEMA evil;
    CREATE TYPE evil.text AS (x integer);
    CREATE FUNCTION evil.row_number() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
    CREATE TABLE evil.pg_class (oid integer)`);
  const settings = {
    TimeZone: "'Asia/Kolkata'",
    DateStyle: "'German, DMY'",
    IntervalStyle: "sql_standard",
    extra_float_digits: "-15",
    bytea_output: "escape",
    xmlbinary: "hex",
    quote_all_identifiers: "on",
    search_path: "evil, public, pg_catalog",
  };
  for (const [name, value] of Object.entries(settings)) {
    await odd.sql.unsafe(`ALTER DATABASE "${odd.name}" SET ${name} = ${value}`);
  }
  const create = `
    CREATE TABLE public.t (n pg_catalog.int4);
    INSERT INTO public.t VALUES (1);
    CREATE TYPE public.whole AS (a pg_catalog.interval, b pg_catalog.float8, c pg_catalog.bytea, d pg_catalog.timestamptz);
    CREATE VIEW public.forms AS SELECT
      tstzrange('2024-01-02 03:04:05+00', '2024-02-03 00:00+00') AS range,
      '{2024-01-02}'::pg_catalog.date[] AS dates,
      ROW('1 year 2 mons -3 days 04:05:06'::pg_catalog.interval, 0.1::pg_catalog.float8 + 0.2::pg_catalog.float8,
          '\\x00ff41'::pg_catalog.bytea, '2024-01-02 03:04:05+00'::pg_catalog.timestamptz)::public.whole AS whole,
      xmlelement(name e, '\\x00ff41'::pg_catalog.bytea) AS markup,
      1.5::pg_catalog.numeric::pg_catalog.money AS price, '12:00+02'::pg_catalog.timetz AS clock`;
  const all: Cell[][][] = [];
  for (const database of [plain, odd]) {
    await database.sql.unsafe(create);
    await using connection = await openPostgres(database.url);
    const text = { text_columns: ["price"] };
    all.push([
      ...await rowsBy(connection, { stream: "forms" }),
      ...await rowsBy(connection, { stream: "forms" }, { columns: { only: ["price"] } }, text),
      ...await rowsBy(connection, { stream: "t" }, { cursor: { column: "n", value: "1", type: "INTEGER" } }),
    ]);
    assert.equal(
      (await connection.source.partition?.(streamRequest({ stream: "t" }), { column: "n", rows: 1 }, never()))
        ?.length,
      1,
    );
    assert((await Array.fromAsync(connection.source.discover?.(never()) ?? [])).length >= 2);
  }
  assert.deepEqual(all[1], all[0]);
  const [forms] = all[0] ?? [];
  assert.deepEqual(forms?.slice(0, 4), [
    '["2024-01-02 03:04:05+00","2024-02-03 00:00:00+00")',
    [19724],
    '("1 year 2 mons -3 days +04:05:06",0.30000000000000004,"\\\\x00ff41","2024-01-02 03:04:05+00")',
    "<e>AP9B</e>",
  ]);
  assert.equal(forms?.[4], 150n);
  assert.deepEqual(all[0]?.[1], ["1.50"]);
});

Deno.test("read() warns where row security hides rows from the reader, and nowhere else", async () => {
  await using database = await server.createDatabase();
  const reader = `reader_${database.name}`;
  await database.sql.unsafe(`
    CREATE TABLE orders (id integer, owner text);
    INSERT INTO orders VALUES (1, 'a'), (2, 'b');
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON orders FOR SELECT USING (owner = 'a');
    CREATE ROLE "${reader}" LOGIN PASSWORD 'p';
    CREATE VIEW invoker WITH (security_invoker = true) AS SELECT * FROM orders;
    CREATE VIEW owner AS SELECT * FROM orders;
    GRANT SELECT ON orders, invoker, owner TO "${reader}"`);
  try {
    const read = async (
      user: string,
      password: string,
      address: Parameters<typeof streamRequest>[0] = { stream: "orders" },
    ) => {
      const url = new URL(database.url);
      [url.username, url.password] = [user, password];
      await using connection = await openPostgres(url.href);
      const streams = [streamRequest(address)];
      const messages = await Array.fromAsync(connection.source.read({ streams }, never()));
      const said = messages.flatMap((message) =>
        message.type === "log" ? [`${message.level}: ${message.message}`] : []
      );
      const rows = messages.reduce(
        (sum, message) => sum + (message.type === "rows" ? message.batch.numRows : 0),
        0,
      );
      return { said, rows };
    };
    assert.deepEqual(await read(reader, "p"), {
      said: [
        `warn: public.orders of shop has row-level security: only the rows that ${reader} may see are read`,
      ],
      rows: 1,
    });
    assert.deepEqual(await read(server.user, server.password), { said: [], rows: 2 });
    // In what a view or a query reads too, but not where the view reads as its owner.
    const hidden = (what: string) =>
      `warn: ${what} of shop has row-level security: only the rows that ${reader} may see are read`;
    assert.deepEqual(await read(reader, "p", { query: "SELECT id FROM orders LIMIT 10" }), {
      said: [hidden("a table of the query")],
      rows: 1,
    });
    assert.deepEqual(await read(reader, "p", { stream: "invoker" }), {
      said: [hidden("public.invoker")],
      rows: 1,
    });
    assert.deepEqual(await read(reader, "p", { stream: "owner" }), { said: [], rows: 2 });
  } finally {
    await database.sql.unsafe(`DROP OWNED BY "${reader}"; DROP ROLE "${reader}"`);
  }
});
