import { deepEqual, equal, match, ok } from "node:assert/strict";
import { dirname, join } from "node:path";
import type { Scan } from "../../../../../contract/connector/source.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { JobProject, statesOf } from "../job_fixture.ts";

/** Streams with `store: false` that DuckDB reads, into files that DuckDB writes. */

type Keys = Readonly<Record<string, unknown>>;

/** No stream is read in batches. */
const NOTHING = { read: () => refuse() };

function refuse(): never {
  throw new Error("nothing is read in batches");
}

async function project(files: Readonly<Record<string, string>>): Promise<JobProject> {
  const made = await JobProject.create();
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(made.path, path)), { recursive: true });
    await Deno.writeTextFile(join(made.path, path), text);
  }
  return made;
}

const definition = (extract: Keys, load: Keys, store = false) => ({
  extract: { s: { connector: "files", store, ...extract } },
  load: { s: { connector: "files", ...load } },
});

const CSV = 'id,day,amount,note\n1,2024-01-02,1.5,"a, ""b"""\n2,2024-01-03,,x\n3,2024-01-02,-7.25,\n';

Deno.test("a CSV file goes to each format of file as it does through a table, and nothing is kept of it", async () => {
  await using made = await project({ "in.csv": CSV });
  const targets: readonly Keys[] = [
    { path: "NAME.csv" },
    { path: "NAME.tsv", options: { bom: true, null: "-", decimal_separator: ",", quote_style: "all" } },
    { path: "NAME.ndjson" },
    { path: "NAME.ndjson.gz" },
    { path: "NAME.json" },
    { path: "NAME.parquet" },
    { path: "NAME.xlsx" },
  ];
  for (const [i, target] of targets.entries()) {
    const bytes = [];
    for (const store of [true, false]) {
      const path = String(target["path"]).replace("NAME", store ? "stored" : "straight");
      const attempt = await made.attempt(
        NOTHING,
        definition({ path: "in.csv" }, { ...target, path }, store),
        {},
        { runId: `run${i}${store}` },
      );
      equal(attempt.error, undefined, path);
      equal(attempt.steps.get("extract:s")?.rows, 3);
      equal(attempt.steps.get("extract:s")?.size_bytes, CSV.length);
      equal(attempt.steps.get("load:s→files")?.rows, 3);
      bytes.push(await Deno.readFile(join(made.path, path)));
    }
    if (target["path"] !== "NAME.xlsx") deepEqual(bytes[1], bytes[0], String(target["path"]));
    deepEqual(await made.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"), []);
  }
});

Deno.test("the table that is told of names the columns and says where the rows went", async () => {
  await using made = await project({ "in.csv": CSV });
  const attempt = await made.attempt(NOTHING, definition({ path: "in.csv" }, { path: "out.parquet" }));
  const table = attempt.reports.find((report) => report.type === "table");
  deepEqual(table?.table.columns.map(({ name, type }) => `${name} ${type}`), [
    "id BIGINT",
    "day DATE",
    "amount DOUBLE",
    "note VARCHAR",
  ]);
  equal(table?.table.row_count, 3);
  match(table?.table.note ?? "", /went straight to files/);
});

Deno.test("columns, names, conditions and masks hold", async () => {
  await using made = await project({ "in.csv": CSV });
  const extract = {
    path: "in.csv",
    where: "id < 3",
    exclude: ["day"],
    rename: { id: "number" },
    mask: { note: "redact", amount: "last4" },
  };
  const attempt = await made.attempt(NOTHING, definition(extract, { path: "out.ndjson" }));
  equal(attempt.error, undefined);
  deepEqual((await Deno.readTextFile(join(made.path, "out.ndjson"))).split("\n"), [
    '{"number":1,"amount":"****","note":"[redacted]"}',
    '{"number":2,"amount":null,"note":"[redacted]"}',
    "",
  ]);
});

Deno.test("a hash that masks a column is the one that a stored stream has", async () => {
  const scan = () => scanOf("(SELECT range AS id, 'name ' || range AS name FROM range(3))");
  const texts = [];
  for (const store of [true, false]) {
    await using made = await JobProject.create();
    const attempt = await made.attempt(
      { ...NOTHING, scan },
      {
        extract: { s: { connector: "it", store, mask: { name: "hash" } } },
        load: { s: { connector: "files", path: "out.csv" } },
      },
    );
    equal(attempt.error, undefined);
    texts.push(await Deno.readTextFile(join(made.path, "out.csv")));
    ok(!attempt.reports.some((report) => JSON.stringify(report).includes("_sluice_bound_")));
  }
  match(texts[0] ?? "", /^id,name\n0,[0-9a-f]{64}\n/);
  equal(texts[1], texts[0]);
});

Deno.test("append adds a file to a folder, partitions get their own, and a repeated run adds nothing", async () => {
  await using made = await project({ "in.csv": CSV });
  const load = { path: "out/", mode: "append", options: { partition_by: ["day"] } };
  for (const [runId, rows] of [["run1", 3], ["run2", 6], ["run2", 6]] as const) {
    const attempt = await made.attempt(NOTHING, definition({ path: "in.csv" }, load), {}, {
      runId,
      attempt: 1,
    });
    equal(attempt.error, undefined);
    const files = `${made.path}/out/*/*.parquet`;
    const [counted] = await made.rows(`SELECT count(*) AS n, count(DISTINCT day) AS d FROM '${files}'`);
    deepEqual([Number(counted?.["n"]), Number(counted?.["d"])], [rows, 2]);
  }
});

Deno.test("what does not fit is told with file, line and column, and the target keeps what it had", async () => {
  const many = Array.from({ length: 30_000 }, (_, i) => `${i},x`).join("\n");
  const bad: readonly (readonly [string, RegExp])[] = [
    [
      `id,x\n${many}\nthree,x\n`,
      /extract:s: Cannot read "in\.csv" line 30002: column "id" is "three", expected BIGINT/,
    ],
    [`id,x\n${many}\n1,2,3\n`, /extract:s: Cannot read "in\.csv" line 30002: it has 3 values, expected 2/],
    [
      `id,x\n${many}\n1,"open\n`,
      /extract:s: Cannot read "in\.csv" line 30002: a quoted value has no closing quote/,
    ],
  ];
  for (const [text, message] of bad) {
    await using made = await project({ "in.csv": text, "out.ndjson": "old" });
    const attempt = await made.attempt(NOTHING, definition({ path: "in.csv" }, { path: "out.ndjson" }));
    match(String(attempt.error), message);
    deepEqual(statesOf(attempt), { "extract:s": "failed", "load:s→files": "skipped" });
    equal(await Deno.readTextFile(join(made.path, "out.ndjson")), "old");
    await Deno.writeTextFile(join(made.path, "in.csv"), "id,x\n1,a\n");
    const again = await made.attempt(
      NOTHING,
      definition({ path: "in.csv" }, { path: "out.ndjson" }),
      {},
      { attempt: 2 },
    );
    equal(again.error, undefined);
    equal(await Deno.readTextFile(join(made.path, "out.ndjson")), '{"id":1,"x":"a"}\n');
  }
});

Deno.test("what the target's format cannot hold is the load's failure", async () => {
  await using made = await project({ "in.csv": "id,x\n1,1.5\n2,nan\n", "out.ndjson": "old" });
  const attempt = await made.attempt(NOTHING, definition({ path: "in.csv" }, { path: "out.ndjson" }));
  match(String(attempt.error), /extract:s: load:s→files: Cannot write "out\.ndjson": column "x" has nan/);
  deepEqual(statesOf(attempt), { "extract:s": "failed", "load:s→files": "failed" });
  equal(await Deno.readTextFile(join(made.path, "out.ndjson")), "old");
});

Deno.test("a file that changed while it was read is not loaded (rule 7)", async () => {
  await using made = await project({ "out.csv": "old" });
  let verified = 0;
  let disposed = 0;
  const scan = (): Scan => ({
    ...scanOf("(SELECT 1 AS id WHERE false)"),
    prepare: () =>
      Promise.resolve({
        relation: "(SELECT range AS id FROM range(10))",
        [Symbol.asyncDispose]: () => Promise.resolve(void disposed++),
      }),
    verify: () => {
      verified += 1;
      return Promise.reject(new AppError("conflict", "in.csv changed while it was read"));
    },
  });
  const attempt = await made.attempt({ ...NOTHING, scan }, {
    extract: { s: { connector: "it", store: false } },
    load: { s: { connector: "files", path: "out.csv" } },
  });
  match(String(attempt.error), /in\.csv changed while it was read/);
  deepEqual([verified, disposed], [1, 1]);
  deepEqual(statesOf(attempt), { "extract:s": "failed", "load:s→files": "skipped" });
  equal(await Deno.readTextFile(join(made.path, "out.csv")), "old");
});

Deno.test("files without a record, and what is no scan after all, are told", async () => {
  const cases: readonly (readonly [Scan | undefined, RegExp])[] = [
    [
      { ...scanOf("(SELECT NULL AS x WHERE false)"), hasNoColumns: true },
      /hold no record that tells their columns/,
    ],
    [undefined, /these are Arrow files; leave store: false out/],
  ];
  for (const [scan, message] of cases) {
    await using made = await JobProject.create();
    const attempt = await made.attempt({ ...NOTHING, scan: () => scan }, {
      extract: { s: { connector: "it", store: false } },
      load: { s: { connector: "files", path: "out.csv" } },
    });
    match(String(attempt.error), message);
    equal(await exists(made, "out.csv"), false);
  }
});

Deno.test("a run that is cancelled while DuckDB copies leaves the target as it was", async () => {
  await using made = await project({ "out.csv": "old" });
  const stop = new AbortController();
  using watcher = Deno.watchFs(made.path);
  const stopping = (async () => {
    for await (const { paths } of watcher) {
      if (!paths.some((path) => path.includes("/.out.csv.sluice/") && path.endsWith("/out.csv"))) continue;
      stop.abort(new AppError("cancelled", "someone cancelled the run"));
      return;
    }
  })();
  const attempt = await made.attempt(
    { ...NOTHING, scan: () => scanOf("(SELECT range AS id FROM range(1_000_000_000_000))") },
    {
      extract: { s: { connector: "it", store: false } },
      load: { s: { connector: "files", path: "out.csv" } },
    },
    {},
    {},
    stop.signal,
  );
  await stopping;
  match(String(attempt.error), /someone cancelled the run/);
  deepEqual(statesOf(attempt), { "extract:s": "cancelled", "load:s→files": "cancelled" });
  equal(await Deno.readTextFile(join(made.path, "out.csv")), "old");
});

function scanOf(relation: string): Scan {
  return {
    relation,
    files: ["in.csv"],
    sizeBytes: 10,
    explain: (error) =>
      Promise.resolve(error instanceof AppError ? error : new AppError("internal", String(error))),
    verify: () => Promise.resolve(),
  };
}

async function exists(made: JobProject, path: string): Promise<boolean> {
  return await Deno.stat(join(made.path, path)).then(() => true, () => false);
}
