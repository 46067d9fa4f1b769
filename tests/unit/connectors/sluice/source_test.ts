import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { readType } from "../../../../contract/snapshots/parquet.ts";
import { AppError } from "../../../../contract/errors.ts";
import { pinSnapshots } from "../../../../engine/snapshots/pinned_snapshots.ts";
import { tempFolder } from "../../engine/duckdb/fixtures.ts";
import { type Attempt, JobProject } from "../../engine/worker/job_fixture.ts";

const SYSTEM = { read: () => ({ async *[Symbol.asyncIterator]() {} }) };

type Folder = { readonly path: string } & AsyncDisposable;

/** A pipeline `shop` that publishes `daily`, and one that reads it. */
class Pair implements AsyncDisposable {
  readonly reader: JobProject;
  readonly #publisher: JobProject;
  readonly #folder: Folder;
  #runs = 0;

  private constructor(reader: JobProject, publisher: JobProject, folder: Folder) {
    this.reader = reader;
    this.#publisher = publisher;
    this.#folder = folder;
  }

  static async create(): Promise<Pair> {
    return new Pair(await JobProject.create(), await JobProject.create(), await tempFolder());
  }

  async publish(daily: string): Promise<void> {
    const snapshots = join(this.#folder.path, "snapshots", "shop");
    const { error } = await this.#publisher.attempt(SYSTEM, { publish: ["daily"] }, { daily }, {
      snapshots,
      pipeline: "shop",
      runId: `publish${this.#runs++}`,
    });
    if (error !== undefined) throw error;
  }

  async read(
    stream: Readonly<Record<string, unknown>>,
    models: Readonly<Record<string, string>> = {},
    isBroken = false,
  ): Promise<Attempt> {
    const runId = `read${this.#runs++}`;
    const published = await pinSnapshots(
      {
        dataDir: this.#folder.path,
        keyOf: () => Promise.resolve(undefined),
        whyNone: () => Promise.resolve(new AppError("unavailable", "there is none")),
      },
      runId,
      [{ pipeline: "shop", model: "daily" }],
    );
    const files = Object.values(published).flatMap((input) => "error" in input ? [] : input.file?.path ?? []);
    // Its last page and all behind it are gone.
    if (isBroken) { for (const file of files) await Deno.truncate(file, 5_000); }
    return await this.reader.attempt(
      SYSTEM,
      { extract: { got: { connector: "sluice", stream: "shop.daily", ...stream } } },
      models,
      { runId, published, duckdb: { directories: [], files } },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
    await this.#publisher[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Values by the type that a model gives them; each is to be the same again, and of the same type. */
const VALUES: readonly string[] = [
  "(-170141183460469231731687303715884105727::HUGEINT // 10)",
  "(9999999999999999999999999999999999999::UHUGEINT)",
  "18446744073709551615::UBIGINT",
  "(-128)::TINYINT",
  "12345678901234567890.12345678901234567::DECIMAL(38,17)",
  "'NaN'::DOUBLE",
  "'-infinity'::FLOAT",
  "true",
  "DATE 'infinity'",
  "TIMESTAMP '294247-01-10 04:00:54.775806'",
  "'2026-01-02 03:04:05.123456789'::TIMESTAMP_NS",
  "'2026-01-02 03:04:05'::TIMESTAMP_S",
  "'2026-01-02 03:04:05.123'::TIMESTAMP_MS",
  "TIMESTAMPTZ '2026-01-02 03:04:05.000001+02'",
  "'23:59:59.999999+15:59:59'::TIMETZ",
  "TIME '24:00:00'",
  "INTERVAL '-1 year 13 months -40 days 25:00:00.000001'",
  "'b'::ENUM('a', 'b')",
  "'a\\xFF\\x00'::BLOB",
  "'00000000-0000-0000-0000-000000000001'::UUID",
  "'{\"a\": 1.10}'::JSON",
  "'tab\\tquote''nul'",
  "[1, NULL]::INTEGER[]",
  "[[1::HUGEINT], NULL]",
  "[1, 2]::SMALLINT[2]",
  "[[1::HUGEINT, 2], NULL]::HUGEINT[2][]",
  "{'a': 1::HUGEINT, 'b c': {'d': INTERVAL 1 DAY}}",
  "MAP {'k': [INTERVAL 1 MONTH]}",
  "''",
];

Deno.test("every value of a published model is read as it was, in the model's own type", async () => {
  await using pair = await Pair.create();
  const model = `SELECT ${VALUES.map((value, i) => `${value} AS c${i}`).join(", ")}
UNION ALL BY NAME SELECT NULL AS c0`;
  await pair.publish(model);
  const { error } = await pair.read({});
  equal(error, undefined);
  const sql = (relation: string) =>
    `SELECT ${
      VALUES.map((_, i) => `typeof(c${i}) AS t${i}, CAST(c${i} AS VARCHAR) AS c${i}`).join(", ")
    } FROM ${relation} ORDER BY ALL`;
  deepEqual(await pair.reader.rows(sql("raw.got")), await pair.reader.rows(sql(`(${model})`)));
});

Deno.test("unions are texts, at any depth, and what is beside them keeps its type", async () => {
  equal(readType("UNION(num INTEGER, str VARCHAR)"), "VARCHAR");
  equal(
    readType("STRUCT(h HUGEINT, u UNION(n INTEGER, d DECIMAL(18,2)), z TIME)[]"),
    "STRUCT(h HUGEINT, u VARCHAR, z TIME)[]",
  );
  equal(
    readType(`STRUCT("UNION(x)" INTEGER, "a""UNION(" ENUM('UNION(', ')'))`),
    `STRUCT("UNION(x)" INTEGER, "a""UNION(" ENUM('UNION(', ')'))`,
  );
  equal(readType('UNION(s STRUCT(")" INTEGER), t TIME)[3]'), "VARCHAR[3]");
  await using pair = await Pair.create();
  await pair.publish(
    "SELECT {'h': 1::HUGEINT, 'u': union_value(num := 2)} AS s, union_value(num := 2)::UNION(num INTEGER, str VARCHAR) AS u",
  );
  equal((await pair.read({})).error, undefined);
  deepEqual(
    (await pair.reader.rows(
      "SELECT typeof(s) AS s, CAST(s AS VARCHAR) AS v, typeof(u) AS u, u AS w FROM raw.got",
    ))
      .map((row) => ({ ...row })),
    [
      { s: "STRUCT(h HUGEINT, u VARCHAR)", v: "{'h': 1, 'u': 2}", u: "VARCHAR", w: "2" },
    ],
  );
});

Deno.test("columns, conditions, renames and masks are as of any other stream", async () => {
  await using pair = await Pair.create();
  await pair.publish("SELECT i AS id, 'n' || i AS name, i * 2 AS amount FROM range(10) AS t(i)");
  equal(
    (await pair.read({
      exclude: ["amount"],
      where: "amount >= 12",
      rename: { id: "key" },
      mask: { name: "redact" },
    })).error,
    undefined,
  );
  deepEqual(
    (await pair.reader.rows("SELECT * FROM raw.got ORDER BY 1")).map((row) => Object.values(row).map(String)),
    [
      ["6", "[redacted]"],
      ["7", "[redacted]"],
      ["8", "[redacted]"],
      ["9", "[redacted]"],
    ],
  );
});

Deno.test("the same snapshot is not read again, an incremental stream takes what is new, and append takes each once", async () => {
  await using pair = await Pair.create();
  const count = async () => Number((await pair.reader.rows("SELECT count(*) AS n FROM raw.got"))[0]?.["n"]);
  const rowsOf = (attempt: Attempt) => attempt.steps.get("extract:got")?.rows;
  await pair.publish("SELECT i AS id, i AS at FROM range(10) AS t(i)");
  equal(rowsOf(await pair.read({})), 10);
  const again = await pair.read({});
  equal(rowsOf(again), 0);
  match(JSON.stringify(again.reports), /has been read already/);
  equal(await count(), 10);
  await pair.publish("SELECT i AS id, i AS at FROM range(12) AS t(i)");
  equal(rowsOf(await pair.read({})), 12);

  const incremental = { mode: "incremental", primary_key: ["id"], update_key: "at" };
  await pair.read(incremental);
  await pair.publish("SELECT i AS id, i + 5 AS at FROM range(15) AS t(i)");
  // Those before the cursor are not read: 12 rows had at most 11.
  equal(rowsOf(await pair.read(incremental)), 9);
  equal(await count(), 15);

  equal((await pair.read({ mode: "append" })).error, undefined);
  const appended = await count();
  equal(rowsOf(await pair.read({ mode: "append" })), 0);
  equal(await count(), appended);
  await pair.publish("SELECT 99 AS id, 99 AS at");
  equal(rowsOf(await pair.read({ mode: "append" })), 1);
  equal(await count(), appended + 1);
});

Deno.test("a stream without a snapshot fails its own step, and says what to do", async () => {
  await using pair = await Pair.create();
  const { steps } = await pair.read({}, { other: "SELECT 1 AS x", total: "SELECT * FROM raw.got" });
  equal(steps.get("model:other")?.state, "succeeded");
  deepEqual([steps.get("extract:got")?.state, steps.get("extract:got")?.error?.message], [
    "failed",
    "there is none",
  ]);
  equal(steps.get("model:total")?.state, "skipped");
});

Deno.test("a snapshot whose file is broken is an error that names it, and the rows from before stay", async () => {
  await using pair = await Pair.create();
  await pair.publish("SELECT 1 AS id");
  await pair.read({});
  await pair.publish("SELECT i AS id FROM range(100000) AS t(i)");
  const { error } = await pair.read({}, {}, true);
  match(String(error), /Cannot read shop\.daily: /);
  deepEqual((await pair.reader.rows("SELECT id FROM raw.got")).map((row) => row["id"]), [1]);
});
