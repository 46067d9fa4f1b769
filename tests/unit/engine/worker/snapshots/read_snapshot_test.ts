import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { tableFromIPC } from "apache-arrow";
import { DATA_FORMATS, parseQuery, type WrittenQuery } from "../../../../../contract/snapshots/query.ts";
import type { Column } from "../../../../../contract/sql.ts";
import { type Database, openDatabase } from "../../../../../engine/duckdb/database.ts";
import { writeParquet } from "../../../../../engine/duckdb/from/parquet_file.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { readSnapshot } from "../../../../../engine/worker/snapshots/read_snapshot.ts";
import { tempFolder } from "../../duckdb/fixtures.ts";

/** A snapshot of the rows of a query. */
class Published implements AsyncDisposable {
  readonly database: Database;
  readonly session: DuckSession;
  readonly columns: readonly Column[];
  readonly #folder: Awaited<ReturnType<typeof tempFolder>>;

  private constructor(
    folder: Awaited<ReturnType<typeof tempFolder>>,
    database: Database,
    session: DuckSession,
    columns: readonly Column[],
  ) {
    this.#folder = folder;
    this.database = database;
    this.session = session;
    this.columns = columns;
  }

  static async of(sql: string): Promise<Published> {
    const folder = await tempFolder();
    const database = await openDatabase({ path: ":memory:", allowedDirectories: [folder.path] });
    const session = await database.session();
    await writeParquet(session, sql, `${folder.path}/snapshot`);
    return new Published(folder, database, session, await session.describe(sql));
  }

  get snapshot(): string {
    return `${this.#folder.path}/snapshot`;
  }

  /** Where the rows are that were read last. */
  get path(): string {
    return `${this.#folder.path}/rows`;
  }

  async read(query: WrittenQuery): Promise<number> {
    const read = {
      id: "read",
      path: this.snapshot,
      outputPath: this.path,
      query: parseQuery(query, this.columns),
      columns: this.columns,
    };
    return (await readSnapshot(this.database, read, new AbortController().signal)).rows;
  }

  async text(query: WrittenQuery): Promise<string> {
    await this.read(query);
    return await Deno.readTextFile(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** One value each of types that some format or other has no like of: as SQL, JSON, and CSV. */
const VALUES: Readonly<Record<string, readonly [sql: string, json: unknown, csv: string]>> = {
  d38: [
    "-12345678901234567890123456789.123456789::DECIMAL(38,9)",
    "-12345678901234567890123456789.123456789",
    "-12345678901234567890123456789.123456789",
  ],
  huge: ["99999999999999999999999999999999999999::HUGEINT", "9".repeat(38), "9".repeat(38)],
  ubig: ["18446744073709551615::UBIGINT", "18446744073709551615", "18446744073709551615"],
  tiny: ["-3::TINYINT", -3, "-3"],
  ns: [
    "TIMESTAMP_NS '2026-01-02 03:04:05.123456789'",
    "2026-01-02 03:04:05.123456789",
    "2026-01-02 03:04:05.123456789",
  ],
  ms: ["TIMESTAMP_MS '2026-01-02 03:04:05.123'", "2026-01-02 03:04:05.123", "2026-01-02 03:04:05.123"],
  tz: ["TIMESTAMPTZ '2026-01-02 03:04:05.5+02'", "2026-01-02 01:04:05.5+00", "2026-01-02 01:04:05.5+00"],
  time: ["TIME '24:00:00'", "24:00:00", "24:00:00"],
  timetz: ["TIMETZ '03:04:05.5+02:30'", "03:04:05.5+02:30", "03:04:05.5+02:30"],
  iv: ["INTERVAL '1 month 2 days 3.5 seconds'", "1 month 2 days 00:00:03.5", "1 month 2 days 00:00:03.5"],
  bc: ["DATE '0044-03-15 (BC)'", "0044-03-15 (BC)", "0044-03-15 (BC)"],
  blob: ["'a\\x00\\xFFb'::BLOB", "a\\x00\\xFFb", "a\\x00\\xFFb"],
  bit: ["'0101'::BIT", "0101", "0101"],
  uuid: [
    "'00112233-4455-6677-8899-aabbccddeeff'::UUID",
    "00112233-4455-6677-8899-aabbccddeeff",
    "00112233-4455-6677-8899-aabbccddeeff",
  ],
  kind: ["'low'::ENUM('low', 'high')", "low", "low"],
  list: ["[9007199254740993, NULL]", ["9007199254740993", null], '"[9007199254740993,null]"'],
  arr: ["[1, 2]::INTEGER[2]", [1, 2], '"[1,2]"'],
  map: ["MAP {'k\"': 1.5::DECIMAL(3,1)}", { 'k"': "1.5" }, '"{""k\\"""":1.5}"'],
  struct: [
    "{'a b': [{x: 1}], d: NULL::DATE}",
    { "a b": [{ x: 1 }], d: null },
    '"{""a b"":[{""x"":1}],""d"":null}"',
  ],
  un: ["union_value(num := 3::BIGINT)::UNION(num BIGINT, txt VARCHAR)", "3", "3"],
  js: ["'{\"a\": [1, null]}'::JSON", { a: [1, null] }, '"{""a"": [1, null]}"'],
  txt: ["'a\"b, c' || chr(10) || 'ü😀'", 'a"b, c\nü😀', '"a""b, c\nü😀"'],
  empty: ["''", "", '""'],
  yes: ["true", true, "true"],
};
const NAMES = Object.keys(VALUES);
const MIXED = `SELECT ${NAMES.map((name) => `${VALUES[name]?.[0]} AS "${name}"`).join(", ")}
  UNION ALL SELECT ${NAMES.map(() => "NULL").join(", ")}`;

Deno.test("every format has every type's value exactly, and NULL", async () => {
  await using published = await Published.of(MIXED);
  const json = Object.fromEntries(NAMES.map((name) => [name, VALUES[name]?.[1]]));
  const nulls = Object.fromEntries(NAMES.map((name) => [name, null]));
  deepEqual(JSON.parse(await published.text({ format: "json" })), [json, nulls]);
  const lines = (await published.text({ format: "ndjson" })).trimEnd().split("\n");
  deepEqual(lines.map((line) => JSON.parse(line)), [json, nulls]);
  const csv = NAMES.map((name) => VALUES[name]?.[2]).join(",");
  equal(
    await published.text({ format: "csv" }),
    `${NAMES.join(",")}\n${csv}\n${",".repeat(NAMES.length - 1)}\n`,
  );
  equal(await published.read({ format: "parquet" }), 2);
  const [same] = await published.session.rows(
    `SELECT count(*) AS n FROM (SELECT * FROM read_parquet('${published.path}')
     INTERSECT SELECT * FROM read_parquet('${published.snapshot}'))`,
  );
  equal(Number(same?.["n"]), 2);
  equal(await published.read({ format: "arrow" }), 2);
  const arrow = tableFromIPC(await Deno.readFile(published.path));
  deepEqual([arrow.numRows, arrow.numCols], [2, NAMES.length]);
  deepEqual(NAMES.map((name) => arrow.getChild(name)?.get(1)), NAMES.map(() => null));
  equal(arrow.getChild("ubig")?.get(0), 18446744073709551615n);
  equal(arrow.getChild("huge")?.get(0)?.toString(), "9".repeat(38));
});

Deno.test("an empty table and one of 2,000 columns with odd names are read in every format", async () => {
  await using empty = await Published.of("SELECT 1 AS id, [1] AS list WHERE false");
  for (const format of DATA_FORMATS) equal(await empty.read({ format }), 0, format);
  deepEqual(JSON.parse(await empty.text({ format: "json" })), []);
  equal(await empty.text({ format: "csv" }), "id,list\n");
  const names = Array.from({ length: 2_000 }, (_, i) => `c ${i} "',.()ü`);
  await using wide = await Published.of(
    `SELECT ${names.map((name, i) => `${i} AS "${name.replaceAll('"', '""')}"`).join(", ")}`,
  );
  for (const format of DATA_FORMATS) equal(await wide.read({ format }), 1, format);
  const quoted = (name: string) => JSON.stringify(name);
  const [last = "", first = ""] = [names.at(-1), names[0]];
  deepEqual(
    JSON.parse(
      await wide.text({
        format: "json",
        columns: `${quoted(last)},${quoted(first)}`,
        where: `${quoted(last)}.eq.1999`,
        order: `${quoted(first)}.desc`,
      }),
    ),
    [{ [last]: 1999, [first]: 0 }],
  );
});

Deno.test("a condition holds by the model's own type, and a value that this would round is none of it", async () => {
  await using published = await Published.of(
    `SELECT i AS id, i::DECIMAL(9,2) AS amount, DATE '2026-01-01' + i AS "day", i::HUGEINT AS huge,
       TIMESTAMP '2026-01-01' + INTERVAL 1 MICROSECOND * i AS at, (i || ' days')::INTERVAL AS wait,
       (['high', 'mid', 'low'])[1 + i % 3]::ENUM('low', 'mid', 'high') AS kind
     FROM (SELECT unnest(range(12))::INTEGER AS i)`,
  );
  const ids = async (where: string, order?: string) => {
    const text = await published.text({
      format: "csv",
      columns: "id",
      where,
      ...(order === undefined ? {} : { order }),
    });
    return text.trim().split("\n").slice(1).map(Number);
  };
  deepEqual(await ids("wait.gte.10 days"), [10, 11], "not as texts, by which 9 days would be more");
  deepEqual(await ids("id.lt.3,kind.gt.low", "kind.desc"), [0, 1]);
  deepEqual(await ids("id.in.(2,+3.0,4e0)"), [2, 3, 4]);
  deepEqual(await ids("amount.eq.1e1"), [10]);
  deepEqual(await ids("amount.eq.3.000"), [3]);
  deepEqual(await ids("day.lt.2026-01-03 00:00:00"), [0, 1]);
  deepEqual(await ids("at.eq.2026-01-01 00:00:00.000007000"), [7]);
  const wrong = [
    ["id.eq.1.5", "INTEGER"],
    ["id.in.(1,0.9)", "INTEGER"],
    ["huge.gt.15e-1", "DECIMAL\\(38,0\\)"],
    ["amount.eq.1.005", "DECIMAL\\(9,2\\)"],
    ["day.eq.2026-01-02 10:00:00", "DATE"],
    ["at.lte.2026-01-01 00:00:00.0000071", "TIMESTAMP"],
    ["wait.lt.soon", "INTERVAL"],
    ["kind.eq.none", "ENUM\\('low', 'mid', 'high'\\)"],
  ] as const;
  for (const [where, type] of wrong) {
    await rejects(ids(where), (error: Error) => {
      match(error.message, new RegExp(`^Cannot compare "\\w+" with ".*": it is ${type}$`), where);
      return true;
    });
  }
  await rejects(ids("id.eq.\0"), /NUL character/);
  deepEqual(await ids(`kind.like."' OR 1=1 --"`), []);
});
