import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { RecordBatch, Schema } from "apache-arrow";
import type { Cursor, Source, StreamRequest } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { batchesOf, connectorContext, never, streamOf } from "../../../support/connections.ts";
import { makeSqlite } from "../../../support/sqlite_file.ts";
import { sqlite } from "../../../../connectors/sqlite/connector.ts";
import { readerOf } from "../../../../connectors/sqlite/load/arrow_values.ts";

const signal = new AbortController().signal;

class Project implements AsyncDisposable {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }
  static async create(sql = ""): Promise<Project> {
    const project = new Project(await Deno.makeTempDir({ prefix: "sluice-sqlite-" }));
    if (sql !== "") {
      using database = new DatabaseSync(`${project.folder}/it.db`);
      database.exec(sql);
    }
    return project;
  }
  async connect(path = "it.db") {
    return await sqlite.open({ path }, connectorContext(this.folder));
  }
  async source(): Promise<Source> {
    const { source } = await this.connect();
    ok(source !== undefined);
    return source;
  }
  async read(
    own: Readonly<Record<string, unknown>>,
    cursor?: Cursor,
  ): Promise<{ schema: Schema; rows: unknown[][] }> {
    const source = await this.source();
    const request = { streams: [streamOf(sqlite, own, cursor)] };
    const rows: unknown[][] = [];
    let schema: Schema | undefined;
    for await (const batch of batchesOf(source.read(request, signal))) {
      schema = batch.schema;
      rows.push(...rowsOf(batch));
    }
    ok(schema !== undefined);
    return { schema, rows };
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

function rowsOf(batch: RecordBatch): unknown[][] {
  const readers = batch.schema.fields.map((field, i) => {
    const child = batch.data.children[i];
    ok(child !== undefined);
    return readerOf(field, child);
  });
  return Array.from({ length: batch.numRows }, (_, row) => readers.map((read) => read(row)));
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  let caught: unknown;
  await work.catch((error) => caught = error);
  ok(caught instanceof AppError, `not an AppError: ${caught}`);
  return caught;
}

Deno.test("read() takes the declared types", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (i INTEGER, big BIGINT, r DOUBLE, s VARCHAR(10), b BLOB, flag BOOLEAN, d DATE, ts DATETIME,
      tz TIMESTAMPTZ, amount DECIMAL(10,2), j JSON, u UUID);
    INSERT INTO t VALUES (1, 9223372036854775807, 2, 'é', x'00ff', 1, '2024-02-29', '2024-01-02T03:04:05.5',
      '2024-01-02 03:04:05+02:00', '19.90', '{"a":1}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8');
    INSERT INTO t (i) VALUES (NULL);`);
  const { schema, rows } = await project.read({ stream: "t" });
  deepStrictEqual(schema.fields.map(({ type }) => String(type)), [
    "Int64",
    "Int64",
    "Float64",
    "Utf8",
    "Binary",
    "Bool",
    "Date32<DAY>",
    "Timestamp<MICROSECOND>",
    "Timestamp<MICROSECOND, UTC>",
    "Decimal[10e+2]",
    "Utf8",
    "FixedSizeBinary[16]",
  ]);
  deepStrictEqual(rows, [
    [
      1n,
      9223372036854775807n,
      2,
      "é",
      Uint8Array.of(0, 255),
      1n,
      "2024-02-29",
      "2024-01-02 03:04:05.500000",
      "2024-01-02 01:04:05+00:00",
      "19.90",
      '{"a":1}',
      "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ],
    new Array(12).fill(null),
  ]);
});

Deno.test("read() finds the types of expressions, and of columns without one, from all their values", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (a, b, c, d);
    INSERT INTO t VALUES (1, 1, 'x', NULL), (2, 1.5, NULL, NULL);`);
  const { schema } = await project.read({
    query: "SELECT *, count(*) OVER () AS n, a || c AS text FROM t -- all",
  });
  deepStrictEqual(schema.fields.map(({ type }) => String(type)), [
    "Int64",
    "Float64",
    "Utf8",
    "Utf8",
    "Int64",
    "Utf8",
  ]);
});

Deno.test("read() names table, column, rowid and value of what does not fit its declared type", async () => {
  await using project = await Project.create(`
    CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, day DATE, total DECIMAL(6,2));
    INSERT INTO orders VALUES (1, 1, '2024-01-01', 1), (17, 'abc', '2024-01-01', 1);`);
  const error = await failure(project.read({ stream: "orders" }));
  strictEqual(error.code, "invalid");
  strictEqual(
    error.message,
    'Cannot read table "orders": column "amount" of the row with rowid 17 is "abc" (text), expected INTEGER; ' +
      "correct it, or set options.columns: {amount: TEXT}",
  );
});

for (
  const [declared, value] of [
    ["INTEGER", "1.5"],
    ["BOOLEAN", "2"],
    ["DATE", "'2024-02-30'"],
    ["DATE", "1704067200"],
    ["TIMESTAMP", "'2024-01-01 00:00:00Z'"],
    ["TIMESTAMPTZ", "'2024-01-01 00:00:00'"],
    ["DECIMAL(5,2)", "1234.5"],
    ["DECIMAL(5,2)", "1.005"],
    ["TEXT", "x'00'"],
    ["TEXT", "CAST(x'ff41' AS TEXT)"],
    ["UUID", "'no'"],
    ["REAL", "'abc'"],
  ]
) {
  Deno.test(`read() refuses ${value} in a column declared ${declared}`, async () => {
    await using project = await Project.create(`CREATE TABLE t (id INTEGER, v ${declared});
      INSERT INTO t VALUES (1, NULL), (2, ${value});`);
    const error = await failure(project.read({ stream: "t" }));
    strictEqual(error.code, "invalid");
    ok(error.message.includes('column "v" of the row with rowid 2'), error.message);
  });
}

Deno.test("read() takes a column as the text that options.columns asks for", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1), ('abc'), (2.5);`);
  deepStrictEqual((await project.read({ stream: "t", options: { columns: { v: "TEXT" } } })).rows, [["1"], [
    "abc",
  ], ["2.5"]]);
});

Deno.test("read() keeps a NUL inside a text", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (v TEXT); INSERT INTO t VALUES (CAST(x'610062' AS TEXT));`);
  deepStrictEqual((await project.read({ stream: "t" })).rows, [["a\0b"]]);
});

Deno.test("read() with a cursor compares times that are written in different ways", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER, seen TIMESTAMPTZ);
    INSERT INTO t VALUES (1, '2024-01-01T00:00:00Z'), (2, '2024-01-01 01:59:59+02:00'), (3, '2024-01-01 02:00:00+02:00'),
      (4, '2023-12-31 19:00:00-05:00'), (5, NULL), (6, '2023-12-31 18:59:59-05:00');`);
  const cursor = { column: "seen", value: "2024-01-01 00:00:00+00", type: "TIMESTAMP WITH TIME ZONE" };
  const { rows } = await project.read({ stream: "t" }, cursor);
  deepStrictEqual(rows.map(([id]) => id), [1n, 3n, 4n, 5n]);
});

Deno.test("read() of a view, and of a name in another case", async () => {
  await using project = await Project.create(`
    CREATE TABLE Orders (id INTEGER); INSERT INTO Orders VALUES (1); CREATE VIEW recent AS SELECT id FROM Orders;`);
  strictEqual((await project.read({ stream: "orders" })).rows.length, 1);
  strictEqual((await project.read({ stream: "main.recent" })).rows.length, 1);
});

Deno.test("read() says which tables there are where the one asked for is not", async () => {
  await using project = await Project.create("CREATE TABLE orders (id); CREATE TABLE users (id);");
  const error = await failure(project.read({ stream: "order" }));
  strictEqual(error.code, "not_found");
  strictEqual(error.message, 'Cannot read table "order": it does not exist; there are orders, users');
});

Deno.test("read() cannot write, whatever the query", async () => {
  await using project = await Project.create("CREATE TABLE t (id); INSERT INTO t VALUES (1);");
  strictEqual((await failure(project.read({ query: "DELETE FROM t RETURNING id" }))).code, "invalid");
  strictEqual((await project.read({ query: "SELECT count(*) AS n FROM t" })).rows[0]?.[0], 1n);
});

Deno.test("read() of a file that is missing, empty, no database or a folder", async () => {
  await using project = await Project.create();
  await Deno.writeTextFile(
    `${project.folder}/text.db`,
    "this is not a database at all, just some text".repeat(20),
  );
  await Deno.writeTextFile(`${project.folder}/empty.db`, "");
  const codeOf = async (path: string) => {
    const { source } = await project.connect(path);
    return (await failure(
      source?.describe(streamOf(sqlite, { stream: "t" }), signal) ?? Promise.resolve(),
    )).code;
  };
  deepStrictEqual(
    [await codeOf("no.db"), await codeOf("empty.db"), await codeOf("text.db"), await codeOf(".")],
    ["not_found", "invalid", "invalid", "invalid"],
  );
});

Deno.test("read() lets other work go on", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER, s TEXT);
    INSERT INTO t SELECT value, 'text ' || value FROM generate_series(1, 100000);`.replace(
    "generate_series(1, 100000)",
    "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 100000) SELECT value FROM n)",
  ));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  try {
    const { source } = await project.connect();
    for await (
      const _batch of source?.read({ streams: [streamOf(sqlite, { stream: "t" })] }, signal) ?? []
    ) {
      // Only the timer matters.
    }
  } finally {
    clearInterval(timer);
  }
  ok(ticks >= 3, `the timer fired ${ticks} times`);
});

Deno.test("read() stops when it is aborted", async () => {
  await using project = await Project.create("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1);");
  const { source } = await project.connect();
  const aborted = AbortSignal.abort();
  await rejects(async () => {
    for await (
      const _batch of source?.read({ streams: [streamOf(sqlite, { stream: "t" })] }, aborted) ?? []
    ) {
      // Never.
    }
  });
});

for (const encoding of ["UTF-8", "UTF-16le", "UTF-16be"]) {
  Deno.test(`read() takes the texts of a ${encoding} database, short and long, and refuses broken ones`, async () => {
    const long = "lang \u{1F986} ".repeat(500);
    await using project = await Project.create(`PRAGMA encoding = '${encoding}';
      CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
      INSERT INTO t (v) VALUES ('abc'), ('é漢🦆'), (''), (NULL), ('${long}'), ('a' || char(0) || 'b'), (char(65279, 120));`);
    const texts = [["abc"], ["é漢🦆"], [""], [null], [long], ["a\0b"], ["\ufeffx"]];
    deepStrictEqual((await project.read({ query: "SELECT v FROM t ORDER BY id" })).rows, texts);
    deepStrictEqual((await project.read({ stream: "t" })).rows.map(([, text]) => [text]), texts);
    const broken = { "UTF-8": "61ff", "UTF-16le": "00d800d8", "UTF-16be": "d800d800" }[encoding];
    makeSqlite(`${project.folder}/it.db`, `INSERT INTO t (v) VALUES (CAST(x'${broken}' AS TEXT));`);
    const error = await failure(project.read({ stream: "t" }));
    ok(error.message.includes(`"v" of the row with rowid 8 is a text that is not ${encoding.toUpperCase()}`));
  });
}

Deno.test("read() keeps decimals of 16 digits, and refuses what is between two decimals", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (v DECIMAL(18,2));
    INSERT INTO t VALUES (12345678901234.56), (-12345678901234.56), (0.1 + 0.2), (1e15);`);
  deepStrictEqual((await project.read({ stream: "t" })).rows, [
    ["12345678901234.56"],
    ["-12345678901234.56"],
    ["0.30"],
    ["1000000000000000.00"],
  ]);
  makeSqlite(`${project.folder}/it.db`, "INSERT INTO t VALUES (12345678901234.567)");
  ok((await failure(project.read({ stream: "t" }))).message.includes("rowid 5"));
});

Deno.test("read() refuses a decimal whose neighbour is the same double, and adds no digits to a short one", async () => {
  for (
    const [type, value, expected] of [
      ["DECIMAL(16,2)", "99999999999999.99", undefined],
      ["DECIMAL(16,2)", "-99999999999999.98", undefined],
      ["DECIMAL(16,2)", "99999999999999.5", "99999999999999.50"],
      ["DECIMAL(30,20)", "0.1", "0.10000000000000000000"],
      ["DECIMAL(30,20)", "-1e-7", "-0.00000010000000000000"],
      ["DECIMAL(20,0)", "1e18", "1000000000000000000"],
      ["DECIMAL(20,0)", "1.2345678901234567e19", undefined],
    ] as const
  ) {
    await using project = await Project.create(
      `CREATE TABLE t (v ${type}); INSERT INTO t VALUES (${value});`,
    );
    const reading = project.read({ stream: "t" });
    if (expected === undefined) ok((await failure(reading)).message.includes("expected DECIMAL"), value);
    else deepStrictEqual((await reading).rows, [[expected]], value);
  }
});

Deno.test("read() with a cursor compares decimals of 16 digits exactly", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (v DECIMAL(18,2));
    INSERT INTO t VALUES (12345678901234.55), (12345678901234.56), (12345678901234.57), (NULL);`);
  const cursor = { column: "v", value: "12345678901234.56", type: "DECIMAL(18,2)" };
  deepStrictEqual((await project.read({ stream: "t" }, cursor)).rows, [
    ["12345678901234.56"],
    ["12345678901234.57"],
    [null],
  ]);
});

Deno.test("read() gives only the columns and rows that are asked for", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER, Name TEXT, note TEXT);
    INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z');`);
  const rows = async (more: Partial<StreamRequest>) => {
    const source = await project.source();
    const stream = { ...streamOf(sqlite, { stream: "t" }), ...more };
    const found: unknown[][] = [];
    for await (const batch of batchesOf(source.read({ streams: [stream] }, never()))) {
      found.push(...rowsOf(batch));
    }
    return found;
  };
  deepStrictEqual(await rows({ columns: { only: ["name", "id"] }, where: "id > 1 -- not the first" }), [
    [2n, "b"],
    [3n, "c"],
  ]);
  deepStrictEqual(await rows({ columns: { except: ["NOTE"] }, where: "id = 1 OR id = 2" }), [[1n, "a"], [
    2n,
    "b",
  ]]);
  const error = await failure(rows({ columns: { only: ["nam"] } }));
  strictEqual(
    error.message,
    'Cannot read table "t": columns: there is no column "nam"; the columns are id, Name, note',
  );
});

Deno.test("discover() gives tables and views with columns, keys and what ANALYZE counted", async () => {
  await using project = await Project.create(`
    CREATE TABLE orders (day DATE NOT NULL, no INTEGER, total DECIMAL(10,2), PRIMARY KEY (no, day));
    INSERT INTO orders VALUES ('2024-01-01', 1, 2), ('2024-01-01', 2, 2);
    ANALYZE;
    CREATE VIEW totals AS SELECT day, sum(total) AS total FROM orders GROUP BY day;
    CREATE TABLE _sluice_loads (load_id TEXT);
    CREATE TABLE gone (id INTEGER); CREATE VIEW broken AS SELECT id FROM gone; DROP TABLE gone;`);
  const source = await project.source();
  deepStrictEqual(await Array.fromAsync(source.discover?.(never()) ?? []), [
    {
      address: { stream: "orders" },
      name: "orders",
      kind: "table",
      columns: [
        { name: "day", type: "DATE", nullable: false },
        { name: "no", type: "INTEGER", nullable: true },
        { name: "total", type: "DECIMAL(10,2)", nullable: true },
      ],
      primaryKey: ["no", "day"],
      rows: 2,
      sizeBytes: null,
    },
    {
      address: { stream: "totals" },
      name: "totals",
      kind: "view",
      columns: [{ name: "day", type: "DATE", nullable: true }, { name: "total", type: "", nullable: true }],
      primaryKey: [],
      rows: null,
      sizeBytes: null,
    },
  ]);
});

Deno.test("describe() has the schema that read() gives, and the primary key", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (b INTEGER, a TEXT, v, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1, 'x', 1.5);`);
  const source = await project.source();
  const described = await source.describe(streamOf(sqlite, { stream: "t" }), never());
  deepStrictEqual(described.primaryKey, ["a", "b"]);
  deepStrictEqual(String(described.schema), String((await project.read({ stream: "t" })).schema));
});
