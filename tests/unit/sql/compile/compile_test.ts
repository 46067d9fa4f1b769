import assert from "node:assert/strict";
import * as v from "valibot";
import { type ParamDefinition, paramSchema } from "../../../../contract/params/definition.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { compile } from "../../../../sql/compile/compile.ts";
import { columns, compileModels, models } from "../fixtures.ts";

const STREAMS = {
  orders: columns("id INTEGER, customer_id INTEGER, amount DECIMAL(18,2), ordered_at TIMESTAMP"),
  customers: columns("id INTEGER, Größe DOUBLE, select VARCHAR"),
};

const params = (definitions: Record<string, unknown>): Record<string, ParamDefinition> =>
  v.parse(v.record(v.string(), paramSchema), definitions);

Deno.test("compile() answers columns and no faults for a pipeline that is right", async () => {
  const { texts, columns: found, graph } = await compileModels({
    stg:
      'SELECT o.*, c."Größe", c."select" FROM raw.orders AS o JOIN raw.customers AS c ON c.id = o.customer_id',
    daily: `/* @sluice
materialized: incremental
primary_key: [day]
update_key: day
columns:
  day: {type: timestamp, checks: [not_null, unique]}
  revenue: {type: "decimal(38, 2)", checks: [{sql: revenue >= 0, severity: warn}]}
checks:
  - {name: no_gaps, sql: "SELECT * FROM daily WHERE revenue IS NULL; -- none"}
*/
SELECT date_trunc('day', ordered_at) AS day, sum(amount) AS revenue
FROM stg
WHERE ordered_at >= coalesce(getvariable('cursor'), TIMESTAMP '2000-01-01') AND id > getvariable('first_id')
GROUP BY ALL;
`,
    recent:
      "/* @sluice\nmaterialized: view\n*/\nFROM daily WHERE day::TIMESTAMPTZ >= getvariable('window_start')",
  }, {
    streams: STREAMS,
    params: params({ first_id: { type: "integer" } }),
    loads: [
      { path: ["load", "daily", 0], name: "daily", columns: [{ path: ["primary_key", 0], column: "Day" }] },
      { path: ["load", "orders"], name: "orders", columns: [{ path: ["primary_key", 0], column: "id" }] },
    ],
  });
  assert.deepEqual(texts, []);
  assert.deepEqual(found["daily"], columns("day TIMESTAMP, revenue DECIMAL(38,2)"));
  assert.deepEqual(found["recent"], found["daily"]);
  assert.deepEqual(found["stg"]?.map(({ name }) => name), [
    "id",
    "customer_id",
    "amount",
    "ordered_at",
    "Größe",
    "select",
  ]);
  assert.deepEqual(graph.nodes.get("model:recent")?.depends, ["model:daily"]);
});

Deno.test("compile() binds models and checks side by side as if each were alone", async () => {
  const sqls = {
    ...Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`m${n}`, `SELECT id AS id_${n}, amount AS e FROM raw.orders`]),
    ),
    lateral: "SELECT id_3 FROM raw.customers",
    first: "/* @sluice\ncolumns:\n  id: {checks: [{sql: id > 0}]}\n*/\nSELECT id FROM raw.orders",
    second: "/* @sluice\ncolumns:\n  id: {checks: [{sql: e}]}\n*/\nSELECT id FROM raw.orders",
  };
  const faults = [
    'lateral.sql:1:8 column "id_3" does not exist (candidates: id)',
    'second.sql:3:23 sql(e): column "e" does not exist (candidates: id)',
  ];
  const alone = await compileModels(sqls, { streams: STREAMS, modelsAtOnce: 1 });
  assert.deepEqual(alone.texts, faults);
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await using beside = await session.fork();
  const together = await compile(session, {
    models: models(sqls),
    streams: STREAMS,
    params: {},
    loads: [],
    beside,
  });
  assert.deepEqual(together.columns, alone.columns);
  assert.deepEqual(together.faults, alone.faults);
});

/** One model `m` over STREAMS → its faults. */
const FAULTS: Readonly<Record<string, readonly [sql: string, faults: readonly string[]]>> = {
  "an unknown column": ["SELECT id,\n  amout\nFROM raw.orders", [
    'm.sql:2:3 column "amout" does not exist (did you mean amount?)',
  ]],
  "an unknown column of a table": ["/* é😀 */ SELECT o.amout FROM raw.orders AS o", [
    'm.sql:1:18 o has no column "amout" (did you mean amount?)',
  ]],
  "an unknown table in an expression": ["SELECT x.id FROM raw.orders AS o", [
    'm.sql:1:8 table "x" is not in FROM (candidates: o)',
  ]],
  "a comparison of types that do not fit": [
    "SELECT id\nFROM raw.orders\nWHERE ordered_at > amount",
    [
      "m.sql:3:18 Cannot compare values of type TIMESTAMP and type DECIMAL(18,2) - an explicit cast is required",
    ],
  ],
  "a sum of text": ['SELECT sum("select")\nFROM raw.customers', [
    "m.sql:1:8 sum takes no (VARCHAR): it takes (DECIMAL), (BOOLEAN), (SMALLINT), (INTEGER), (BIGINT), " +
    "(HUGEINT), (DOUBLE) or (BIGNUM)",
  ]],
  "a misspelt function": ["SELECT id FROM raw.orders WHERE flor(amount) > 1", [
    "m.sql:1:33 function flor does not exist (did you mean floor?)",
  ]],
  "a function of other databases": [
    "SELECT NVL(id, 1) AS a FROM raw.orders",
    ["m.sql:1:8 function nvl does not exist in DuckDB: write coalesce(a, b)"],
  ],
  "a window function without OVER": ["SELECT id FROM raw.orders\nQUALIFY row_number() = 1", [
    "m.sql:2:9 row_number is a window function: write row_number(…) OVER (…)",
  ]],
  "a unit of time that is none": ["SELECT id,\n  date_trunc('dya', ordered_at) AS day FROM raw.orders", [
    'm.sql:2:14 extract specifier "dya" not recognized',
  ]],
  "COALESCE of types that do not mix": ["SELECT\n  coalesce(id, ordered_at) AS x\nFROM raw.orders", [
    "m.sql:2:3 Cannot mix values of type INTEGER and TIMESTAMP in COALESCE operator - an explicit cast is required",
  ]],
  "EXCLUDE of a column that is not there": ["SELECT * EXCLUDE (nope) FROM raw.orders", [
    'm.sql:1:19 Column "nope" in EXCLUDE list not found in FROM clause',
  ]],
  "GROUP BY of a column that is not there": ["SELECT id FROM raw.orders\nGROUP BY 3", [
    "m.sql:2:1 GROUP BY term out of range - should be between 1 and 1",
  ]],
  "HAVING of a column outside of GROUP BY": [
    "SELECT id, count(*) AS n FROM raw.orders GROUP BY id\nHAVING amount > 3",
    ["m.sql:2:1 column amount must appear in the GROUP BY clause or be used in an aggregate function"],
  ],
  "USING of a column that one side has not": [
    "SELECT orders.id FROM raw.orders JOIN raw.customers\nUSING (customer_id)",
    ['m.sql:2:8 Column "customer_id" does not exist on right side of join!'],
  ],
  "a column outside of GROUP BY": ["SELECT id, count(*) FROM raw.orders", [
    'm.sql:1:8 column "id" must appear in the GROUP BY clause or must be part of an aggregate function. ' +
    'Either add it to the GROUP BY list, or use "ANY_VALUE(id)" if the exact value of "id" is not important.',
  ]],
  "branches of other widths": ["SELECT 1 UNION SELECT 1, 2", [
    "m.sql:1:10 Set operations can only apply to expressions with the same number of result columns",
  ]],
  "a misspelt variable": ["SELECT id\nFROM raw.orders WHERE id > getvariable('frist_id')", [
    "m.sql:2:28 there is no variable or param frist_id (did you mean first_id?)",
  ]],
  "a param of another type": ["SELECT id FROM raw.orders WHERE ordered_at > getvariable('first_id')", [
    "m.sql:1:44 Cannot compare values of type TIMESTAMP and type BIGINT - an explicit cast is required",
  ]],
  "the cursor in a table": ["SELECT id FROM raw.orders WHERE ordered_at > getvariable('cursor')", [
    "m.sql:1:46 the cursor is always NULL here: only an incremental model with an update_key has one",
  ]],
  "a cursor of another type": [
    "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\nupdate_key: ordered_at\n*/\n" +
    "SELECT id, ordered_at FROM raw.orders WHERE amount > getvariable('cursor')",
    [
      "m.sql:6:52 Cannot compare values of type DECIMAL(18,2) and type TIMESTAMP - an explicit cast is required",
    ],
  ],
  "an update_key that is not there": [
    "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\nupdate_key: orderd_at\n*/\n" +
    "SELECT id, ordered_at FROM raw.orders",
    ["m.sql:4:13 update_key: the query has no column orderd_at (did you mean ordered_at?)"],
  ],
  "keys and columns that are not there": [
    "/* @sluice\nprimary_key: [id, dya]\ncolumns:\n  amout: {checks: [not_null]}\n*/\nSELECT id, amount FROM raw.orders",
    [
      "m.sql:2:19 the query has no column dya",
      "m.sql:4:3 the query has no column amout (did you mean amount?)",
    ],
  ],
  "declared types that are other ones or none": [
    "/* @sluice\ncolumns:\n  id: {type: text}\n  amount: {type: DECIMAAL}\n*/\nSELECT id, amount FROM raw.orders",
    [
      "m.sql:3:14 column id is INTEGER in the query, but the header says VARCHAR",
      'm.sql:4:18 "DECIMAAL" is no type of DuckDB: type DECIMAAL does not exist (did you mean DECIMAL?)',
    ],
  ],
  "checks that do not bind": [
    `/* @sluice
columns:
  id:
    checks:
      - {accepted_values: [1, x]}
      - {sql: idd > 0}
      - {sql: id + 1}
      - {sql: sum(id) > 0}
      - {sql: "id >"}
      - {relationships: {to: raw.customers, column: idd}}
      - {relationships: {to: custommers, column: id}}
checks:
  - sql: SELECT * FROM m WHERE idd = 1
  - sql: DELETE FROM m
  - sql: SELECT 1; SELECT 2
*/
SELECT id FROM raw.orders`,
    [
      "m.sql:5:27 accepted_values(id): x cannot be a value of type INTEGER",
      'm.sql:6:15 sql(idd > 0): column "idd" does not exist (did you mean id?)',
      "m.sql:7:15 sql(id + 1): expected an expression that is true or false, but it is INTEGER",
      "m.sql:8:15 sql(sum(id) > 0): WHERE clause cannot contain aggregates!",
      'm.sql:9:15 sql(id >): syntax error at or near ")"',
      "m.sql:10:25 relationships(id): raw.customers has no column idd (did you mean id?)",
      "m.sql:11:25 relationships(id): table custommers does not exist (did you mean raw.customers?)",
      'm.sql:13:32 check_1: column "idd" does not exist (did you mean id?)',
      "m.sql:14:10 check_2: expected one SELECT, but this is DELETE",
      "m.sql:15:20 check_3: expected one SELECT, but there are 2 statements",
    ],
  ],
  "two columns of one name": ["-- é\nSELECT o.id, c.id FROM raw.orders o JOIN raw.customers c USING (id)", [
    'm.sql:2:1 the query has more than one column "id": DuckDB calls the others id_1; give each its own name',
  ]],
};

for (const [what, [sql, expected]] of Object.entries(FAULTS)) {
  Deno.test(`compile() finds ${what}`, async () => {
    const { texts } = await compileModels({ m: sql, reader: "FROM m" }, {
      streams: STREAMS,
      params: params({ first_id: { type: "integer" } }),
    });
    assert.deepEqual(texts, expected);
  });
}

Deno.test("compile() reports a fault where it is, not again in every model behind it", async () => {
  const { texts, columns: found } = await compileModels({
    a: "SELECT nope FROM raw.orders",
    b: "FROM a",
    c: "FROM b JOIN raw.customers USING (id)",
    lone: "SELECT nope FROM raw.customers",
  }, { streams: STREAMS });
  assert.deepEqual(
    texts,
    [
      'a.sql:1:8 column "nope" does not exist (candidates: ordered_at, customer_id)',
      'lone.sql:1:8 column "nope" does not exist (candidates: select)',
    ],
  );
  assert.deepEqual(Object.keys(found), []);
});

Deno.test("compile() binds what it can where the columns of a stream are not known", async () => {
  const { faults, texts, columns: found } = await compileModels({
    a: "SELECT whatever FROM raw.far",
    b: "SELECT whatever FROM a",
    c: "/* @sluice\ncolumns: {id: {checks: [{relationships: {to: b, column: x}}]}}\n*/ SELECT id FROM raw.orders",
    d: "SELECT nope FROM c",
    e: "FROM raw.far WHERE id = getvariable('nope')",
  }, { streams: { ...STREAMS, far: undefined, unused: undefined } });
  assert.deepEqual(texts, [
    'd.sql:1:8 column "nope" does not exist (candidates: id)',
    "e.sql:1:25 there is no variable or param nope",
    "extract.far: the columns of raw.far are not known, so a and e could not be checked against them",
  ]);
  assert.equal(faults.at(-1)?.severity, "warning");
  assert.deepEqual(Object.keys(found), ["c"]);
});

Deno.test("compile() checks loads, params and columns of streams in the definition", async () => {
  const { texts } = await compileModels({ daily: "SELECT 1 AS day" }, {
    streams: { orders: columns("id INTEGER"), odd: [{ name: "x", type: "NOTYPE" }] },
    params: params({
      cursor: { type: "string", default: "" },
      n: { type: "integer", default: "x", enum: [1, "y"] },
    }),
    loads: [
      { path: ["load", "dayly", 0], name: "dayly" },
      { path: ["load", "daily", 1], name: "daily", columns: [{ path: ["primary_key", 0], column: "dya" }] },
      {
        path: ["load", "orders"],
        name: "orders",
        columns: [{ path: ["primary_key", 0], column: "id" }, { path: ["primary_key", 1], column: "nr" }],
      },
    ],
  });
  assert.deepEqual(texts, [
    "params.cursor: cursor is a variable of every run: use another name",
    'params.n.enum.1: must be a whole number of at most 64 bits, but got "y"',
    "extract.odd: raw.odd cannot be made: type NOTYPE does not exist",
    "load.dayly.0: there is no model or stream dayly to load (did you mean daily?)",
    "load.daily.1.primary_key.0: daily has no column dya (did you mean day?)",
    "load.orders.primary_key.1: orders has no column nr",
  ]);
});

Deno.test("compile() takes names of every kind", async () => {
  const { texts, columns: found } = await compileModels({
    select: 'SELECT id AS "a""b", id AS "日本", id AS "from", id AS "x.y" FROM raw."table"',
    order:
      '/* @sluice\nprimary_key: ["a\\"b", 日本]\ncolumns: {from: {checks: [not_null, unique, {accepted_values: ["it\'s"]}]}}\n*/\n' +
      'SELECT "a""b", "日本", "from"::VARCHAR AS "from", "x.y" FROM "select"',
  }, { streams: { table: columns("id INTEGER") } });
  assert.deepEqual(texts, []);
  assert.deepEqual(found["order"]?.map(({ name }) => name), ['a"b', "日本", "from", "x.y"]);
});

Deno.test("compile() wants the types of an incremental model that reads itself, and then binds it", async () => {
  const header = (columnsOf: string) =>
    `/* @sluice\nmaterialized: incremental\nprimary_key: [day]\nupdate_key: day\n${columnsOf}*/\n`;
  const sql = "SELECT DATE '2024-01-01' AS day, 1 + count(*) AS n FROM m WHERE day < getvariable('cursor')";
  const without = await compileModels({ m: header("") + sql });
  assert.deepEqual(without.texts, [
    "m.sql:2:1 m reads itself, so its header must give every column with its type",
  ]);
  const partly = await compileModels({ m: header("columns: {day: {}}\n") + sql });
  assert.deepEqual(partly.texts, ["m.sql:5:16 m reads itself, so column day needs its type"]);
  const whole = await compileModels({ m: header("columns: {day: {type: date}, n: {type: bigint}}\n") + sql });
  assert.deepEqual(whole.texts, []);
  const wrong = await compileModels({ m: header("columns: {day: {type: date}, n: {type: text}}\n") + sql });
  assert.deepEqual(wrong.texts, ["m.sql:5:40 column n is BIGINT in the query, but the header says VARCHAR"]);
});

Deno.test("compile() refuses functions that reach beyond the warehouse, in models and in checks", async () => {
  const { texts } = await compileModels({
    m: `/* @sluice
columns: {x: {type: INTEGER, checks: [{sql: "getenv('HOME') = x"}]}}
checks:
  - {name: files, sql: "SELECT * FROM 'data/x.csv', read_text('/etc/passwd')"}
*/ SELECT 1 AS x`,
    n: "SELECT *\nFROM enable_logging(storage := 'stdout')",
  });
  assert.deepEqual(texts, [
    "m.sql:2:46 sql(getenv('HOME') = x): getenv() cannot be called here: it reads the server's environment",
    'm.sql:4:39 files: "data/x.csv" is no table: files are read by a stream of the pipeline',
    "m.sql:4:53 files: read_text() cannot be called here: files are read by a stream of the pipeline, as extract: with path:",
    "n.sql:2:6 enable_logging() cannot be called here: SQL here reads the tables of its pipeline and computes, and nothing else",
  ]);
});

Deno.test("compile() does not blame others for a model that could not be read", async () => {
  const { texts } = await compileModels({ a: "FROM broken" }, {
    unreadable: ["broken"],
    loads: [{ path: ["load", "broken"], name: "broken" }],
  });
  assert.deepEqual(texts, []);
});

Deno.test("compile() binds 300 models that build on each other", async () => {
  const sqls = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [
      `m${index}`,
      index === 0
        ? "SELECT id, amount FROM raw.orders"
        : `SELECT id, amount + 1 AS amount FROM m${index - 1}`,
    ]),
  );
  const { texts, columns: found } = await compileModels(sqls, { streams: STREAMS });
  assert.deepEqual(texts, []);
  assert.equal(Object.keys(found).length, 300);
});

Deno.test("compile() finds misspelt variables in the SQL of checks, at their place", async () => {
  const { texts } = await compileModels({
    m: `/* @sluice
columns:
  id: { checks: [{ sql: "id < getvariable('limt')" }] }
checks:
  - name: recent
    sql: |
      SELECT * FROM m
      WHERE id > getvariable('window_strat')
  - sql: SELECT * FROM m WHERE id > getvariable('run_' || 'id')
  - name: cursor
    severity: warn
    sql: SELECT * FROM m WHERE id > getvariable('cursor')
*/
SELECT 1 AS id`,
  }, { params: { limit: { type: "integer", default: 1 } } });
  assert.deepEqual(texts, [
    "m.sql:3:31 sql(id < getvariable('limt')): there is no variable or param limt (did you mean limit?)",
    "m.sql:8:18 recent: there is no variable or param window_strat (did you mean window_start?)",
    "m.sql:9:37 check_2: getvariable() needs the variable's name as a plain text, as 'run_start'",
    "m.sql:12:37 cursor: the cursor is always NULL in a check",
  ]);
});

const POSSIBLE: readonly string[] = [
  "SELECT 1e400 AS a, -1e400 AS b, 'NaN'::DOUBLE AS c",
  "SELECT 9223372036854775807::DOUBLE AS a, 9007199254740993::DECIMAL(18,0) AS b, -127::TINYINT AS c",
  "SELECT TRY_CAST('x' AS INTEGER) AS a, TRY(make_date(2024, 13, 1)) AS b, make_date(2024, 2, 29) AS c",
  "SELECT NULL::MAP(VARCHAR, INTEGER) AS a, MAP {} AS b, MAP {'1': '2'}::MAP(INTEGER, INTEGER) AS c",
  "SELECT 'a'::ENUM('a') AS a, [NULL]::DATE[] AS b, {'a': '1'}::STRUCT(a INTEGER) AS c",
  "SELECT day AT TIME ZONE 'Europe/Paris' AS a, date_diff('month', day, day) AS b, 1 / 0 AS c FROM raw.t",
  "SELECT printf('%s %d', id::VARCHAR, id) AS a, regexp_replace(id::VARCHAR, '[a]', 'b', 'g') AS b FROM raw.t",
  "SELECT ln(id) AS a, sqrt(-id) AS b, chr(id) AS c, timezone(id::VARCHAR, day) AS d FROM raw.t",
];

Deno.test("compile() finds nothing in casts and calls that work for some row", async () => {
  const sqls = Object.fromEntries(POSSIBLE.map((sql, index) => [`m${index}`, sql]));
  assert.deepEqual((await compileModels(sqls, { streams: T })).texts, []);
});

Deno.test("compile() refuses structs without names where they are stored or read", async () => {
  const { texts } = await compileModels({
    pair: "SELECT row(1, 'a') AS r",
    zipped: "/* @sluice\nmaterialized: view\n*/\nSELECT list_zip([1], [2]) AS z",
    read: "SELECT z FROM zipped",
    lone: "/* @sluice\nmaterialized: view\n*/\nSELECT row(1) AS r",
    named: "SELECT {'a': 1} AS r, row(1)[1] AS one",
  });
  const message = "has structs whose fields have no names";
  assert.deepEqual(texts.map((text) => text.slice(0, text.indexOf(","))), [
    `pair.sql:1:1 column r ${message}`,
    `zipped.sql:4:1 column z ${message}`,
  ]);
});

const ELSEWHERE: Readonly<Record<string, string>> = {
  "SELECT TOP 5 * FROM raw.t": "1:1 TOP is no SQL of DuckDB: write LIMIT 10 at the end of the query",
  "SELECT id FROM raw.t LIMIT 5, 10": "1:22 LIMIT a, b is no SQL of DuckDB: write LIMIT b OFFSET a",
  "SELECT id -- SELECT TOP 5\nFROM raw.t WHERE AND": '2:18 syntax error at or near "AND"',
  "SELECT id::NUMBER AS a FROM raw.t":
    "1:12 type NUMBER does not exist in DuckDB: write DECIMAL(18, 2) or BIGINT",
  "SELECT id FROM raw.t;\nSELECT 2": "2:1 expected one SELECT, but there are 2 statements",
  "SELECT day, rec['b'] FROM raw.t": '1:17 Could not find key "b" in struct Candidate Entries: "a"',
  "SELECT regexp_matches(id::VARCHAR, '(') FROM raw.t": "1:36 missing ): (",
  "SELECT day + 5.5 AS a FROM raw.t":
    "1:12 + takes no (DATE, DECIMAL(2,1)): it takes (DECIMAL, DECIMAL), (DATE, INTEGER), (DATE, INTERVAL), ",
};

Deno.test("compile() says where, and what to write, for what other databases have and DuckDB has not", async () => {
  const names = Object.keys(ELSEWHERE).map((_, index) => `m${index}`);
  const sqls = Object.fromEntries(Object.keys(ELSEWHERE).map((sql, index) => [`m${index}`, sql]));
  const { texts } = await compileModels(sqls, { streams: T });
  for (const [index, expected] of Object.values(ELSEWHERE).entries()) {
    const text = texts.find((text) => text.startsWith(`${names[index]}.sql:`));
    assert.equal(text?.slice(0, `${names[index]}.sql:${expected}`.length), `${names[index]}.sql:${expected}`);
  }
});

Deno.test("compile() finds Jinja, backticks and placeholders in models and checks, each with its line", async () => {
  const { texts } = await compileModels({
    base: "SELECT 1 AS id",
    jinja: "SELECT id\nFROM {{ ref('base') }}",
    ticks: "SELECT `id` FROM base",
    holes: "SELECT id FROM base\nWHERE id > $since",
    checked: "/* @sluice\nchecks:\n  - sql: SELECT * FROM checked WHERE id = ?\n*/\nSELECT 1 AS id",
  });
  assert.deepEqual(texts, [
    "checked.sql:3:43 check_1: ? is a placeholder, and nothing fills it: write getvariable('name')",
    "holes.sql:2:12 $since is a placeholder, and nothing fills it: write getvariable('since')",
    "jinja.sql:2:6 {{ ref('base') }} is Jinja: write the model's name alone, base",
    'ticks.sql:1:8 names stand in double quotes, not in backticks: write id, or "id"',
  ]);
});

Deno.test("compile() knows recurring.t of a recursive query with USING KEY", async () => {
  const sql =
    "WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a, b + 1 FROM recurring.t WHERE b < 4) FROM t";
  assert.deepEqual((await compileModels({ m: sql })).texts, []);
});

const IMPOSSIBLE: Readonly<Record<string, string>> = {
  "SELECT * FROM raw.t WHERE day = 5": "1:33 5 can never be a value of type DATE",
  "SELECT day FROM raw.t UNION SELECT id FROM raw.t": "a value of type INTEGER can never be one of type DATE",
  "SELECT 'abc'::INTEGER AS a FROM raw.t": "1:13 'abc' can never be a value of type INTEGER",
  "SELECT day + INTERVAL 1 DAY = [1, 2] AS a FROM raw.t": "can never be one of type",
  "SELECT a.id FROM raw.t AS a JOIN raw.t AS b ON a.day = b.id":
    "a value of type INTEGER can never be one of type DATE",
  "SELECT id FROM raw.t WHERE id = 'x'": "1:33 'x' can never be a value of type INTEGER",
  "SELECT '2024-13-01'::DATE AS d FROM raw.t": "'2024-13-01' can never be a value of type DATE",
  "SELECT 300::TINYINT AS a FROM raw.t": "300 can never be a value of type TINYINT",
  "SELECT id::UUID AS a FROM raw.t": "a value of type INTEGER can never be one of type UUID",
  "SELECT id FROM raw.t WHERE id IN (SELECT id FROM raw.t WHERE ok = day)": "can never be",
  "SELECT sum(id) FILTER (WHERE day = id) AS a FROM raw.t":
    "a value of type INTEGER can never be one of type DATE",
  "SELECT list::DATE[] AS a FROM raw.t": "a value of type INTEGER[] can never be one of type DATE[]",
  "SELECT rec::STRUCT(a DATE) AS a FROM raw.t": "can never be one of type STRUCT",
  "SELECT id FROM raw.t ORDER BY id = day": "can never be",
  "SELECT CASE WHEN ok THEN day = id END AS a FROM raw.t": "can never be",
  "SELECT id::MAP(VARCHAR, INTEGER) AS a FROM raw.t":
    "1:10 a value of type INTEGER can never be one of type MAP",
  "SELECT id::ENUM('a') AS a FROM raw.t": "a value of type INTEGER can never be one of type ENUM('a')",
  "SELECT 'x'::ENUM('a', 'b') AS a": "1:11 'x' can never be a value of type ENUM('a', 'b')",
  "SELECT '{\"a\": 1'::JSON AS a": "can never be a value of type JSON",
  "SELECT 'nan'::DOUBLE::INTEGER AS a": "CAST('nan' AS DOUBLE) can never be a value of type INTEGER",
  "SELECT id, DATE '2024-02-30' AS d FROM raw.t": "1:17 '2024-02-30' can never be a value of type DATE",
  "SELECT 1234.5::DECIMAL(3,1) AS a": "1234.5 can never be a value of type DECIMAL(3, 1)",
  "SELECT make_date(2024, 13, 1) AS a": "1:8 make_date(",
  "SELECT strptime('2024-13-01', '%Y-%m-%d') AS a": "strptime('2024-13-01', '%Y-%m-%d') can never work",
  "SELECT 2147483647::INTEGER + 1::INTEGER AS a": "can never work: Overflow",
  "SELECT date_diff('dya', day, day) AS a FROM raw.t":
    "1:8 date_diff('dya', …, …) can never work: extract specifier \"dya\" not recognized",
  "SELECT day AT TIME ZONE 'Mars/Phobos' AS a FROM raw.t": "timezone('Mars/Phobos', …) can never work",
  "SELECT regexp_replace(id::VARCHAR, '[a', 'b') AS a FROM raw.t": "can never work: missing ]",
  "SELECT id FROM raw.t WHERE id::VARCHAR LIKE 'a' ESCAPE 'ab'": "Invalid escape string",
  "SELECT printf('%d', id::VARCHAR) AS a FROM raw.t": 'can never work: Invalid type specifier "d"',
  "SELECT MAP {'a': 1, 'a': 2} AS m": "Map keys must be unique",
};

for (const [sql, expected] of Object.entries(IMPOSSIBLE)) {
  Deno.test(`compile() finds the cast that cannot work in ${sql}`, async () => {
    const { texts } = await compileModels({ m: sql }, { streams: T });
    assert.equal(texts.length, 1, texts.join("\n"));
    assert.ok(texts[0]?.includes(expected), texts[0]);
  });
}

const T = {
  t: columns(
    "id INTEGER, day DATE, txt VARCHAR, ok BOOLEAN, list INTEGER[], rec STRUCT(a INTEGER), ts TIMESTAMP, n DECIMAL(9,2), whole DECIMAL(28,0), j JSON, e ENUM('a'), big HUGEINT, u UUID, b BLOB",
  ),
};

for (
  const sql of [
    "SELECT * FROM raw.t WHERE day = '2024-01-01' AND ts >= day AND txt = id AND n > 1.5 AND big = 1",
    "SELECT txt::INTEGER AS a, txt::DATE AS b, txt::STRUCT(a DATE) AS c, try_cast('abc' AS INTEGER) AS d FROM raw.t",
    "SELECT id::VARCHAR AS a, id::BOOLEAN AS b, ok::INTEGER AS c, day::TIMESTAMPTZ AS d, ts::TIME AS e, n::INTEGER AS f FROM raw.t",
    "SELECT NULL::DATE AS a, try('abc'::INTEGER) AS b, j->>'$.a' AS c, e = 'a' AS d, e::VARCHAR AS f, u::VARCHAR AS g FROM raw.t",
    "SELECT id FROM raw.t UNION SELECT n FROM raw.t UNION ALL SELECT 1.5",
    "SELECT 2 * whole AS a, whole = 5 AS b FROM raw.t",
    "SELECT rec::STRUCT(a BIGINT) AS a, list::BIGINT[] AS b, [1, 2]::VARCHAR[] AS c, MAP {'a': 1} AS d, b::VARCHAR AS e FROM raw.t",
    "SELECT id, unnest(list) AS x, row_number() OVER (ORDER BY day) AS r FROM raw.t QUALIFY r > 1",
    "WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r WHERE a < 3) SELECT * FROM r, LATERAL (SELECT r.a) AS x(y)",
    "PIVOT raw.t ON id IN (1, 2) USING sum(n) GROUP BY day",
    "FROM query_table('raw.t')",
    "SELECT day, getvariable('run_start') > ts AS a, coalesce(getvariable('window_start'), '-infinity'::TIMESTAMPTZ) AS b FROM raw.t",
    "SELECT list::INTEGER[3] AS a, id::DECIMAL(3,3) AS b, ok::DECIMAL(2,2) AS c, [1, 2, 3]::BIGINT[3] AS d FROM raw.t",
    "SELECT DATE '2024-01-01' + 1 AS a, day - 1 AS b, 5::HUGEINT::VARCHAR AS c, '1 day'::INTERVAL AS d FROM raw.t",
  ]
) {
  Deno.test(`compile() leaves the casts alone in ${sql}`, async () => {
    assert.deepEqual((await compileModels({ m: sql }, { streams: T })).texts, []);
  });
}

Deno.test("compile() finds casts that cannot work in incremental models and in checks", async () => {
  const { texts } = await compileModels({
    other: "SELECT 1::BIGINT AS nr",
    m: `/* @sluice
materialized: incremental
primary_key: [day]
update_key: day
columns:
  day:
    checks:
      - relationships: { to: other, column: nr }
      - sql: day = 5
      - sql: day > DATE '2024-01-01'
checks:
  - sql: |
      SELECT * FROM m
      WHERE day = 7
*/
SELECT day FROM raw.t WHERE day > getvariable('cursor') OR day = 9`,
  }, { streams: T });
  assert.deepEqual(texts.map((text) => text.replace(/:? Unimpl.*/, "")), [
    "m.sql:8:24 relationships(day): a value of type BIGINT can never be one of type DATE: the first row would fail here",
    "m.sql:9:20 sql(day = 5): 5 can never be a value of type DATE",
    "m.sql:14:19 check_1: 7 can never be a value of type DATE",
    "m.sql:16:66 9 can never be a value of type DATE",
  ]);
});

Deno.test("compile() warns of a constant that cannot be cast where rows may never get to it", async () => {
  const { faults, texts } = await compileModels({
    m: "SELECT coalesce(id, '') AS a, CASE WHEN ok THEN id ELSE 'none' END AS b FROM raw.t",
  }, { streams: T });
  assert.equal(texts.length, 2, texts.join("\n"));
  assert.ok(faults.every(({ severity }) => severity === "warning"));
});

Deno.test("compile() refuses renamed_from of a model that is there, or that another takes", async () => {
  const renamed = (from: string) => `/* @sluice\nrenamed_from: ${from}\n*/ SELECT 1 AS id`;
  const { texts } = await compileModels({
    a: renamed("B"),
    b: "SELECT 1 AS id",
    c: renamed("c"),
    d: renamed("old"),
    e: renamed("OLD"),
  });
  assert.deepEqual(texts, [
    "a.sql:2:15 renamed_from: B is a model of this pipeline, which keeps its table",
    "c.sql:2:15 renamed_from: c is a model of this pipeline, which keeps its table",
    "e.sql:2:15 renamed_from: d takes the table of OLD already",
  ]);
});

Deno.test("a model may have a constant that is greater than any number", async () => {
  const { texts, columns } = await compileModels({
    a: "SELECT 1e400 AS x, y FROM (SELECT 1 AS y) WHERE y < 1e999",
  });
  assert.deepEqual(texts, []);
  assert.deepEqual(columns["a"]?.map(({ type }) => type), ["DOUBLE", "INTEGER"]);
});
