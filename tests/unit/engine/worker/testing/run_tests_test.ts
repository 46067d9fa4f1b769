import { deepEqual, equal, ok } from "node:assert/strict";
import type { ParamDefinitions } from "../../../../../contract/params/definition.ts";
import type { Column, SqlSession } from "../../../../../contract/sql.ts";
import type { TestOutcome } from "../../../../../contract/testing/outcome.ts";
import { readProjectTests } from "../../../../../engine/definitions/testing/read_tests.ts";
import { type TestedPipeline, testFaults } from "../../../../../engine/worker/testing/plan_test.ts";
import { runTests } from "../../../../../engine/worker/testing/run_tests.ts";
import { compile } from "../../../../../sql/compile/compile.ts";
import { columns, models, withSession } from "../../../sql/fixtures.ts";
import { loadProject } from "../../../../../engine/definitions/load.ts";
import { CONNECTOR_TYPES, ProjectFixture } from "../../definitions/project_fixture.ts";

const STREAMS = {
  orders: columns(
    "id INTEGER, seen TIMESTAMP WITH TIME ZONE, amount DECIMAL(18,2), tags VARCHAR[], more JSON",
  ),
  far: undefined,
};

interface Given {
  readonly models: Readonly<Record<string, string>>;
  readonly tests: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly params?: ParamDefinitions;
  readonly streams?: Readonly<Record<string, readonly Column[] | undefined>>;
}

/** Reads, compiles and runs the tests of a pipeline `p`. */
async function tested(given: Given, work: typeof runTests | typeof looked) {
  const sqls = Object.entries(given.models).map(([name, sql]) => [`transforms/p/${name}.sql`, sql] as const);
  await using project = await ProjectFixture.create({
    "connectors.yaml": "",
    "pipelines/p.yaml": "transform: p\n",
    "tests/t.yaml": given.tests,
    ...Object.fromEntries(sqls),
    ...given.files,
  });
  const loaded = await loadProject(project.dir, { connectorTypes: CONNECTOR_TYPES });
  const read = await readProjectTests(project.dir, loaded.pipelines);
  return await withSession(async (session) => {
    const { params = {}, streams = STREAMS } = given;
    const parsed = models(given.models).map((model) => ({ ...model, path: model.path.replace("shop", "p") }));
    const compiled = await compile(session, { models: parsed, streams, params, loads: [] });
    const pipeline = { name: "p", models: parsed, params, compiled, streams };
    return { faults: read.faults, outcomes: await work(session, pipeline, read.tests.get("p") ?? []) };
  });
}

const looked = (_: SqlSession, pipeline: TestedPipeline, tests: Parameters<typeof runTests>[2]) =>
  Promise.resolve(testFaults(pipeline, tests));

/** The state of each test, with what is wrong. */
const textsOf = (outcomes: readonly TestOutcome[]) =>
  outcomes.map(({ name, state, faults, difference }) =>
    [`${name}: ${state}`, ...faults.map(({ line, column, message }) => `${line}:${column} ${message}`)].join(
      "; ",
    ) +
    (difference === null ? "" : ` ${difference.missing}/${difference.unexpected}/${difference.changed}`)
  );

async function run(given: Given): Promise<string[]> {
  const { faults, outcomes } = await tested(given, runTests);
  deepEqual(faults, []);
  return textsOf(outcomes as readonly TestOutcome[]);
}

Deno.test("given rows have the types of their tables, columns that are left out are NULL, and only given columns are compared", async () => {
  deepEqual(
    await run({
      models: {
        m: "SELECT id, seen::DATE AS day, amount * 2 AS twice, tags, more ->> 'a' AS a, typeof(amount) AS t FROM raw.orders",
      },
      tests: `
- name: all
  model: m
  given:
    raw.orders:
      - {id: 1, seen: 2024-01-01T23:30:00Z, amount: 0.1, tags: [a, "b,c"], more: {a: x}}
      - {id: 2, amount: "12345678901234.56"}
  expect:
    - {id: 2, twice: "24691357802469.12", t: "DECIMAL(18,2)"}
    - {id: 1, day: 2024-01-01, twice: 0.20, tags: [a, "b,c"], a: x, t: "DECIMAL(18,2)"}
- name: part
  model: m
  given: {raw.orders: [{id: 1}, {id: 2}]}
  expect: [{id: 2}, {id: 1}]
- name: other rows
  model: m
  given: {raw.orders: [{id: 1, amount: 1}]}
  expect: [{id: 1, twice: 3}, {id: 2}]
- name: none
  model: m
  given: {raw.orders: []}
  expect: []
- name: one too many
  model: m
  given: {raw.orders: [{id: 1}]}
  expect: []
`,
    }),
    ["all: passed", "part: passed", "other rows: failed 2/1/0", "none: passed", "one too many: failed 0/1/0"],
  );
});

Deno.test("tests see nothing of each other, and models that are read are given as tables", async () => {
  deepEqual(
    await run({
      models: { a: "SELECT id FROM raw.orders", b: "SELECT count(*) AS n FROM a JOIN raw.orders USING (id)" },
      tests: `
- {name: one, model: p.b, given: {a: [{id: 1}], raw.orders: [{id: 1}, {id: 2}]}, expect: [{n: 1}]}
- {name: two, model: b, pipeline: p, given: {main.a: [], raw.orders: []}, expect: [{n: 0}]}
- {name: three, model: p.a, given: {raw.orders: [{id: 7}]}, expect: [{id: 7}]}
`,
    }),
    ["one: passed", "two: passed", "three: passed"],
  );
});

Deno.test("ephemeral models that are not given are computed from what is given", async () => {
  const ephemeral = "/* @sluice\nmaterialized: ephemeral\n*/ ";
  deepEqual(
    await run({
      models: {
        first: `${ephemeral}SELECT id * 2 AS id FROM raw.orders`,
        second: `${ephemeral}SELECT id + 1 AS id FROM first`,
        m: "SELECT id, current_date AS today FROM second",
      },
      tests: `
- {name: through, model: m, given: {raw.orders: [{id: 3}]}, expect: [{id: 7}]}
- {name: given, model: m, given: {second: [{id: 3}]}, expect: [{id: 3}]}
- {name: half, model: m, given: {first: [{id: 3}]}, expect: [{id: 4}]}
- {name: none, model: m, expect: [{id: 3}]}
- {name: both, model: m, given: {first: [{id: 3}], raw.orders: []}, expect: [{id: 4}]}
`,
    }),
    [
      "through: passed",
      "given: passed",
      "half: passed",
      "none: error; 5:3 raw.orders is not given, and m reads it: `raw.orders: []` gives no rows",
      "both: error; 6:52 m does not read raw.orders",
    ],
  );
});

Deno.test("moments with a Z are those of a timestamp without a zone, and other zones are refused", async () => {
  deepEqual(
    await run({
      models: { m: "SELECT seen FROM raw.plain" },
      streams: { plain: columns("seen TIMESTAMP") },
      tests: `
- {name: z, model: m, given: {raw.plain: [{seen: 2024-01-01T10:00:00Z}]}, expect: [{seen: 2024-01-01 10:00:00+00}]}
- {name: zone, model: m, given: {raw.plain: [{seen: "2024-01-01T10:00:00+02:00"}]}, expect: []}
`,
    }),
    [
      "z: passed",
      'zone: error; 3:46 seen: "2024-01-01T10:00:00+02:00" is no value of type TIMESTAMP, which has no time zone: write it in UTC',
    ],
  );
});

Deno.test("an incremental model sees its own rows and the cursor, the window, params and the run's moment", async () => {
  deepEqual(
    await run({
      models: {
        m: `/* @sluice
materialized: incremental
primary_key: [id]
update_key: id
*/ SELECT id, getvariable('cursor') AS c, getvariable('region') AS r,
  getvariable('window_start') IS NULL AS is_first, getvariable('run_start')::DATE AS d
FROM raw.orders WHERE getvariable('cursor') IS NULL OR id > getvariable('cursor')`,
      },
      params: { region: { type: "string", default: "eu" } },
      tests: `
- name: first
  model: m
  given: {raw.orders: [{id: 1}, {id: 2}]}
  expect: [{id: 1, c: null, r: eu, is_first: true, d: 2000-01-01}, {id: 2, c: null, r: eu, is_first: true, d: 2000-01-01}]
- name: next
  model: m
  given: {raw.orders: [{id: 1}, {id: 2}], m: [{id: 1}]}
  params: {region: us}
  run_start: 2024-02-01T00:00:00Z
  window_start: 2024-01-01T00:00:00Z
  expect: [{id: 2, c: 1, r: us, is_first: false, d: 2024-02-01}]
- {name: unknown param, model: m, params: {regoin: us}, given: {raw.orders: []}, expect: []}
`,
    }),
    [
      "first: passed",
      "next: passed",
      "unknown param: error; 13:35 Cannot use these params: there is no param regoin (did you mean region?)",
    ],
  );
});

Deno.test("CSV files, an order, a tolerance and chosen columns are taken as they are said", async () => {
  const files = {
    "tests/in.csv": 'id,amount\n1,0.10\n2,\n3,"0.20"\n',
    "tests/out.csv": "id,amount\n3,0.20\n2,\n1,0.10\n",
  };
  deepEqual(
    await run({
      models: { m: "SELECT id, amount, amount::DOUBLE / 3 AS third FROM raw.orders ORDER BY id DESC" },
      files,
      tests: `
- {name: files, model: m, given: {raw.orders: in.csv}, expect: out.csv}
- {name: order, model: m, given: {raw.orders: in.csv}, expect: {file: out.csv, ordered: true}}
- {name: other order, model: m, given: {raw.orders: in.csv}, expect: {rows: [{id: 1}, {id: 2}, {id: 3}], ordered: true}}
- {name: near, model: m, given: {raw.orders: [{id: 1, amount: 1}]}, expect: {rows: [{third: 0.333}], tolerance: 0.001}}
- {name: exact, model: m, given: {raw.orders: [{id: 1, amount: 1}]}, expect: {rows: [{third: 0.333}]}}
- {name: chosen, model: m, given: {raw.orders: in.csv}, expect: {file: out.csv, columns: [id]}}
`,
    }),
    [
      "files: passed",
      "order: passed",
      "other order: failed 0/0/0",
      "near: passed",
      "exact: failed 1/1/0",
      "chosen: passed",
    ],
  );
});

Deno.test("a table whose columns nobody knows has those of its rows, or what the test says", async () => {
  deepEqual(
    await run({
      models: { m: "SELECT id + 1 AS n, seen, typeof(seen) AS t FROM raw.far" },
      tests: `
- {name: by rows, model: m, given: {raw.far: [{id: 1, seen: 2024-01-01}]}, expect: [{n: 2, seen: 2024-01-01, t: DATE}]}
- name: said
  model: m
  given: {raw.far: {columns: {id: INTEGER, seen: TIMESTAMP}, rows: [{id: 1, seen: 2024-01-01}]}}
  expect: [{n: 2, t: TIMESTAMP}]
- {name: nothing known, model: m, given: {raw.far: []}, expect: []}
`,
    }),
    [
      "by rows: passed",
      "said: passed",
      "nothing known: error; 7:43 its columns are not known: say them, as columns: {id: BIGINT}, or give a row",
    ],
  );
});

Deno.test("values that their columns do not hold as they are written, and SQL that fails, have their places", async () => {
  deepEqual(
    await run({
      models: {
        m: "SELECT id, seen::DATE AS day FROM raw.orders",
        bad: "SELECT (amount::VARCHAR || 'x')::INTEGER AS n\nFROM raw.orders",
      },
      tests: `
- name: values
  model: m
  given:
    raw.orders:
      - {id: 1.5}
      - {id: 99999999999, amount: 0.001}
  expect: []
- {name: expected, model: m, given: {raw.orders: [{id: 1}]}, expect: [{id: x, day: 2024-01-01T01:00:00}]}
- {name: overflow, model: m, given: {raw.orders: [{id: 1, seen: 2024-02-30}]}, expect: []}
- {name: fails, model: bad, given: {raw.orders: [{id: 1, amount: 1}]}, expect: []}
- {name: goes on, model: m, given: {raw.orders: [{id: 1}]}, expect: [{id: 1}]}
`,
    }),
    [
      'values: error; 6:9 id: "1.5" is no value of type INTEGER; ' +
      '7:9 amount: "0.001" is no value of type DECIMAL(18,2)',
      'expected: error; 9:71 id: "x" is no value of type INTEGER; 9:71 day: "2024-01-01T01:00:00" is no value of type DATE',
      'overflow: error; 10:51 seen: "2024-02-30" is no value of type TIMESTAMP WITH TIME ZONE',
      "fails: error; 1:32 Could not convert string '1.00x' to INT32",
      "goes on: passed",
    ],
  );
});

Deno.test("testFaults() finds tables and columns that are not there, without running anything", async () => {
  const { outcomes } = await tested({
    models: { a: "SELECT id FROM raw.orders", m: "SELECT id FROM a", broken: "SELECT nope FROM raw.orders" },
    tests: `
- {name: not given, model: m, expect: []}
- {name: not read, model: m, given: {a: [], raw.orders: []}, expect: []}
- {name: no table, model: m, given: {nowhere_else: []}, expect: []}
- {name: no columns, model: m, given: {a: [{idd: 1}]}, expect: [{id: 1, n: 2}]}
- {name: not before, model: m, given: {a: [], m: []}, expect: []}
- {name: has faults, model: broken, given: {raw.orders: []}, expect: []}
`,
  }, looked);
  deepEqual(
    (outcomes as readonly { line?: number; message: string }[]).map(({ line, message }) =>
      `${line} ${message}`
    ),
    [
      "2 a is not given, and m reads it: `a: []` gives no rows",
      "3 m does not read raw.orders",
      "4 table nowhere_else does not exist",
      "5 a has no column idd (did you mean id?)",
      "5 m has no column n",
      "6 m is built anew each time: what is there before means nothing",
    ],
  );
});

Deno.test("files of tests that are wrong are faults with their places, and the others are read", async () => {
  const { faults, outcomes } = await tested({
    models: { m: "SELECT id FROM raw.orders" },
    files: {
      "pipelines/q.yaml": "transform: p\n",
      "tests/deep/er/x.yml":
        "- {name: ok, model: p.m, given: {raw.orders: []}, expect: []}\n- {name: ok, model: p.m, expect: []}\n",
      "tests/wide.csv": "id,seen\n1\n",
      "tests/open.csv": 'id\n"1\n',
      "tests/readme.md": "not a test",
    },
    tests: `
- {name: twins, model: m, expect: []}
- {name: pipeline, model: r.m, expect: []}
- {name: model, model: p.n, expect: []}
- {name: file, model: p.m, expect: none.csv}
- {name: wide, model: p.m, expect: wide.csv}
- {name: open, model: p.m, expect: open.csv}
- {name: away, model: p.m, expect: ../../etc/x.csv}
- {name: kind, model: p.m, expect: x.parquet}
- {name: both, model: p.m, pipeline: q, expect: []}
`,
  }, runTests);
  deepEqual(faults.map(({ file, line, message }) => `${file}:${line} ${message}`), [
    'tests/deep/er/x.yml:2 a second test with the name "ok"',
    "tests/t.yaml:2 p and q have a model m: say which, as p.m",
    "tests/t.yaml:3 there is no pipeline r",
    "tests/t.yaml:4 the pipeline p has no model n",
    "tests/t.yaml:5 there is no file tests/none.csv",
    "tests/wide.csv:2 expected 2 values as in the header, but there are 1",
    "tests/open.csv:2 a quote is never closed",
    "tests/t.yaml:8 ../../etc/x.csv leads out of the project",
    "tests/t.yaml:9 x.parquet: rows are read from a .csv file, or stand here",
    "tests/t.yaml:10 model says the pipeline p, and pipeline says q",
  ]);
  ok(outcomes.length > 0);
  equal((outcomes as readonly TestOutcome[])[0]?.state, "passed");
});
