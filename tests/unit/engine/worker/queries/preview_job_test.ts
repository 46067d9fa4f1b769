import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import type { PreviewedRows, PreviewJob } from "../../../../../contract/jobs/preview_job.ts";
import type { Report } from "../../../../../contract/jobs/reports.ts";
import type { RevisionFile } from "../../../../../contract/revision.ts";
import { previewJob } from "../../../../../engine/worker/queries/preview_job.ts";
import { Reporter } from "../../../../../engine/worker/reporter.ts";
import { JobProject, rows } from "../job_fixture.ts";

const header = (text: string) => `/* @sluice\n${text}\n*/\n`;
const EPHEMERAL = header("materialized: ephemeral");

/** What a pipeline is made of: events with `id` and `x`. */
const FILES: Readonly<Record<string, string>> = {
  "transforms/p/base.sql": `${EPHEMERAL}SELECT id, loud(x) AS x FROM raw.events`,
  "transforms/p/seen.sql": `${header("materialized: view")}SELECT * FROM base`,
  "transforms/p/stg.sql": "SELECT id, x FROM seen",
  "transforms/p/counts.sql": "SELECT x, count(*) AS n, sum(id) AS ids FROM stg GROUP BY x ORDER BY x DESC",
  "transforms/p/kept.sql": `${header("materialized: incremental\nprimary_key: [id]\nupdate_key: id")}
SELECT id, x FROM stg WHERE id > coalesce(getvariable('cursor'), 0)`,
  "transforms/p/selfish.sql": `${
    header(
      "materialized: incremental\nprimary_key: [id]\ncolumns: { id: { type: INTEGER }, n: { type: BIGINT } }",
    )
  }
SELECT id, (SELECT count(*) FROM selfish) AS n FROM stg`,
  "transforms/p/history.sql": `${header("materialized: scd2\nprimary_key: [id]")}SELECT id, x FROM stg`,
  "transforms/p/past.sql": "SELECT * EXCLUDE (valid_from) FROM history ORDER BY id",
  "transforms/p/windowed.sql": `SELECT getvariable('window_start') AS s, getvariable('window_end') AS e,
  getvariable('least') AS least, getvariable('run_id') AS run`,
  "transforms/p/off.sql": `${header("enabled: false")}SELECT 1 AS n`,
  "seeds/rates.csv": "code,rate\na,1.5\nb,2.5\n",
  "macros/loud.sql": "CREATE MACRO loud(t) AS upper(t);",
};

const filesOf = (files: Readonly<Record<string, string>>): RevisionFile[] =>
  Object.entries(files).map(([path, content]) => ({ path, content }));

class Previews implements AsyncDisposable {
  readonly #project: JobProject;

  private constructor(project: JobProject) {
    this.#project = project;
  }

  static async create(): Promise<Previews> {
    return new Previews(await JobProject.create());
  }

  get warehouse(): string {
    return join(this.#project.path, "warehouse.duckdb");
  }

  /** Has the pipeline run on these rows. */
  async run(...values: readonly (readonly [number, string])[]): Promise<void> {
    const system = {
      async *read() {
        yield await Promise.resolve(rows("events", ...values));
      },
    };
    const { error } = await this.#project.attempt(
      system,
      { extract: { events: { connector: "it" } }, params: PARAMS },
      {},
      { files: filesOf(FILES), warehousePath: this.warehouse, params: { least: 1 }, windowEndMs: Date.now() },
    );
    equal(error, undefined, String(error));
  }

  async preview(
    model: string,
    changed: Readonly<Record<string, string>> = {},
    more: Partial<PreviewJob> = {},
    hasWarehouse = true,
  ): Promise<PreviewedRows> {
    const reports: Report[] = [];
    const reporter = new Reporter("key", (bytes) => {
      const text = new TextDecoder().decode(bytes);
      reports.push(JSON.parse(text.slice(text.indexOf("{"))));
    });
    const folder = join(this.#project.path, crypto.randomUUID());
    await Deno.mkdir(folder);
    const none = () => Promise.reject(new Error("it asks for nothing"));
    const requests = {
      config: none,
      secret: none,
      wayOut: none,
      turn: none,
      accessToken: none,
      hold: none,
      posted: none,
      memoryOf: none,
    };
    await previewJob({
      kind: "preview",
      pipeline: "p",
      model,
      side: {
        definition: { params: PARAMS, functions: undefined },
        files: filesOf({ ...FILES, ...changed }),
        streams: ["events"],
        params: { least: 1 },
      },
      wanted: { limit: 100, cells: "shown" },
      runStartMs: 0,
      windowStartMs: null,
      windowEndMs: Date.parse("2026-02-01"),
      ...(hasWarehouse ? { copy: { path: this.warehouse } } : {}),
      warehousePath: join(folder, "warehouse.duckdb"),
      projectDir: folder,
      tempDir: folder,
      connectors: {},
      duckdb: { directories: [], files: [] },
      ...more,
    }, { connectors: [], reporter, requests, signal: new AbortController().signal });
    for (const report of reports) if (report.type === "previewed") return report.preview;
    throw new Error("nothing was previewed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#project[Symbol.asyncDispose]();
  }
}

const PARAMS = { least: { type: "integer" } } as const;
const found = ({ rows, built }: PreviewedRows) => ({ rows, built });

Deno.test("a preview has the rows of a model over what the last run built, and changes nothing", async () => {
  await using previews = await Previews.create();
  await previews.run([1, "a"], [2, "b"], [3, "b"]);
  const before = await Deno.readFile(previews.warehouse);
  const counts = { rows: [["B", "2", "5"], ["A", "1", "1"]], built: [] };
  deepEqual(found(await previews.preview("COUNTS")), counts);
  const plain = { rows: [["1", "A"], ["2", "B"], ["3", "B"]], built: [] };
  for (const model of ["base", "seen", "stg", "kept", "history"]) {
    deepEqual(found(await previews.preview(model)), plain, model);
  }
  deepEqual(found(await previews.preview("rates")).rows, [["a", "1.5"], ["b", "2.5"]]);
  deepEqual(
    (await previews.preview("selfish")).rows.map(([, n]) => n),
    ["3", "3", "3"],
    "its table is there",
  );
  deepEqual((await previews.preview("windowed")).rows, [[null, "2026-02-01 00:00:00+00", "1", "preview"]]);
  const [windowed] = (await previews.preview("windowed", {}, {
    windowStartMs: Date.parse("2026-01-01"),
    side: {
      definition: { params: PARAMS, functions: undefined },
      files: filesOf(FILES),
      streams: [],
      params: { least: 7 },
    },
  })).rows;
  deepEqual(windowed?.slice(0, 3), ["2026-01-01 00:00:00+00", "2026-02-01 00:00:00+00", "7"]);
  deepEqual(await Deno.readFile(previews.warehouse), before);
});

Deno.test("a preview builds what is another now, and what reads it, in a copy of its own", async () => {
  await using previews = await Previews.create();
  await previews.run([1, "a"], [2, "b"], [3, "b"]);
  const before = await Deno.readFile(previews.warehouse);
  const cases:
    readonly (readonly [what: string, changed: Record<string, string>, built: string[], row: string[]])[] = [
      ["its own SQL", { "transforms/p/counts.sql": "SELECT 'all' AS x, count(*) AS n FROM stg" }, [], [
        "all",
        "3",
      ]],
      ["a table", { "transforms/p/stg.sql": "SELECT id * 10 AS id, x FROM seen" }, ["stg"], ["B", "2", "50"]],
      [
        "a view",
        { "transforms/p/seen.sql": `${header("materialized: view")}SELECT * FROM base WHERE id > 1` },
        ["seen", "stg"],
        ["B", "2", "5"],
      ],
      ["an ephemeral model", { "transforms/p/base.sql": `${EPHEMERAL}SELECT 7 AS id, 'z' AS x` }, [
        "seen",
        "stg",
      ], [
        "z",
        "1",
        "7",
      ]],
      ["a macro", { "macros/loud.sql": "CREATE MACRO loud(t) AS t || '!';" }, ["seen", "stg"], [
        "b!",
        "2",
        "5",
      ]],
      ["a comment alone", { "transforms/p/stg.sql": "-- as before\nselect id, x FROM seen" }, [], [
        "B",
        "2",
        "5",
      ]],
    ];
  for (const [what, changed, built, row] of cases) {
    const preview = await previews.preview("counts", changed);
    deepEqual([preview.built, preview.rows[0]], [built, row], what);
  }
  const past = await previews.preview("past", { "transforms/p/stg.sql": "SELECT 9 AS id, 'q' AS x" });
  deepEqual([past.built, past.rows.length], [["stg"], 3], "a history goes on, and is never made again");
  const added = {
    "transforms/p/fresh.sql": "SELECT * FROM newer",
    "transforms/p/newer.sql": "SELECT count(*) AS n FROM stg",
  };
  deepEqual(found(await previews.preview("fresh", added)), { rows: [["3"]], built: ["newer"] });
  const anew = FILES["transforms/p/selfish.sql"]?.replaceAll("FROM selfish", "FROM another") ?? "";
  const self = await previews.preview("another", { "transforms/p/another.sql": anew });
  deepEqual(
    [self.built, self.rows[0]],
    [["another"], ["1", "0"]],
    "one that reads itself is built to be shown",
  );
  deepEqual(await Deno.readFile(previews.warehouse), before);
});

Deno.test("a preview without a warehouse has what needs none, and says what to run for the rest", async () => {
  await using previews = await Previews.create();
  const preview = (model: string, changed: Record<string, string> = {}) =>
    previews.preview(model, changed, {}, false);
  const joined = { "transforms/p/joined.sql": "SELECT rate * 2 AS twice FROM rates ORDER BY 1" };
  deepEqual(found(await preview("joined", joined)), { rows: [["3.0"], ["5.0"]], built: ["rates"] });
  await refused(
    () => preview("counts"),
    /^raw\.events is not in the warehouse yet: read it first, with sluice run p --select "raw\.events"$/,
  );
});

Deno.test("a preview says what is wrong and where", async () => {
  await using previews = await Previews.create();
  await previews.run([1, "a"]);
  const stg = (sql: string) => ({ "transforms/p/stg.sql": sql });
  const cases: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ["cuonts", {}, /^Pipeline "p" has no model "cuonts" \(did you mean counts\?\)$/],
    ["off", {}, /^Cannot preview off: transforms\/p\/off\.sql switches it off$/],
    [
      "stg",
      stg("SELECT idd FROM seen"),
      /^Cannot preview stg: transforms\/p\/stg\.sql:1:8: column "idd" does not exist/,
    ],
    ["stg", stg("SELECT id FROM"), /^Cannot preview stg: transforms\/p\/stg\.sql:1:15: syntax error/],
    [
      "stg",
      stg(`${header("materialised: view")}SELECT 1`),
      /^Cannot preview stg: transforms\/p\/stg\.sql:2:1: materialised: unknown key/,
    ],
    ["stg", stg("SELECT * FROM read_text('/etc/passwd')"), /read_text\(\) cannot be called here/],
    ["stg", stg("SELECT 1 AS n; DROP TABLE stg"), /expected one SELECT/],
    [
      "stg",
      stg("SELECT 'x'::INTEGER AS n"),
      /^Cannot preview stg: transforms\/p\/stg\.sql.*Could not convert string 'x' to INT32/,
    ],
    [
      "counts",
      stg("SELECT error('gone') AS id, x FROM seen"),
      /^Cannot preview counts: stg cannot be built: .*gone/,
    ],
    ["counts", stg("SELECT * FROM counts"), /cycle|read each other/],
  ];
  for (const [model, changed, message] of cases) {
    await refused(() => previews.preview(model, changed), message);
  }
});

Deno.test("a preview has no more rows and characters than are wanted", async () => {
  await using previews = await Previews.create();
  await previews.run([1, "a"], [2, "b"]);
  const files = {
    "transforms/p/many.sql": "SELECT range AS n FROM range(10000) ORDER BY n DESC;  -- all",
    "transforms/p/long.sql": "SELECT repeat('é', 5000) AS t, 'a' AS a, 'b' AS a, '\\xFF'::BLOB AS b",
    "transforms/p/wide.sql": "SELECT repeat('x', 1000000) AS t FROM range(20)",
    "transforms/p/typed.sql":
      `SELECT 9007199254740993 AS big, 1.10::DECIMAL(9,2) AS d, [1, NULL] AS l, {'a': 'x"y'} AS s,
      TIMESTAMP '2026-01-01 00:00:00.5' AS t, NULL AS nothing, 0.1::FLOAT AS f, true AS yes`,
  };
  const wanted = { limit: 3, cells: "shown" } as const;
  const many = await previews.preview("many", files, { wanted });
  deepEqual([many.rows, many.truncated], [[["9999"], ["9998"], ["9997"]], "rows"]);
  const long = await previews.preview("long", files, { wanted });
  deepEqual(long.columns.map(({ name }) => name), ["t", "a", "a_1", "b"]);
  deepEqual([long.rows[0]?.[0]?.length, long.rows[0]?.[3], long.truncated], [1001, "\\xff", null]);
  const whole = await previews.preview("long", files, { wanted: { limit: 3, cells: "text" } });
  equal(whole.rows[0]?.[0]?.length, 5000);
  const wide = await previews.preview("wide", files, { wanted: { limit: 100, cells: "text" } });
  deepEqual([wide.rows.length, wide.truncated], [8, "size"]);
  const typed = await previews.preview("typed", files, { wanted: { limit: 1, cells: "json" } });
  deepEqual(typed.rows, [[
    '"9007199254740993"',
    '"1.10"',
    "[1,null]",
    '{"a":"x\\"y"}',
    '"2026-01-01 00:00:00.5"',
    null,
    "0.10000000149011612",
    "true",
  ]]);
});

async function refused(work: () => Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await work();
  } catch (error) {
    match(error instanceof Error ? error.message : String(error), message);
    return;
  }
  throw new Error(`nothing was refused: ${message}`);
}
