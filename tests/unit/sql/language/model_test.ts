import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { headerPlace, parseModel } from "../../../../sql/language/model.ts";
import { faultsOf, model } from "../fixtures.ts";

const parse = (content: string, path = "transforms/shop/daily.sql") => parseModel({ path, content });

Deno.test("parseModel() makes a file without a header a table", () => {
  assert.deepEqual(parse("SELECT 1 AS a\n"), {
    name: "daily",
    onChange: "fail",
    path: "transforms/shop/daily.sql",
    sql: "SELECT 1 AS a\n",
    materialized: "table",
    strategy: "merge",
    primaryKey: [],
    partitionBy: [],
    tags: [],
    columns: {},
    checks: [],
    depends: [],
  });
});

Deno.test("parseModel() reads how an incremental model takes its rows", () => {
  const { strategy, partitionBy, batchSize, beginMs, lookback, onSchemaChange, fullRefresh } = parse(
    "/* @sluice\nmaterialized: incremental\nstrategy: delete_insert\nupdate_key: day\nbatch_size: 1mo\n" +
      "begin: 2026-03-01\nlookback: 2\non_schema_change: sync_all_columns\nfull_refresh: false\n*/\nSELECT 1",
  );
  assert.deepEqual(
    [strategy, partitionBy, batchSize, beginMs, lookback, onSchemaChange, fullRefresh],
    ["delete_insert", [], "1mo", Date.UTC(2026, 2, 1), 2, "sync_all_columns", false],
  );
  const one = parse(
    "/* @sluice\nmaterialized: incremental\nstrategy: insert_overwrite\npartition_by: a\n*/ SELECT 1 AS a",
  );
  assert.deepEqual(one.partitionBy, ["a"]);
});

Deno.test("parseModel() reads everything that a header can say", () => {
  const { sql: _, ...rest } = parse(`-- licence
/* @sluice
description: Revenue by day
tags: [finance, daily]
materialized: incremental
primary_key: [day]
update_key: day
columns:
  day:
    type: DATE
    description: The day
    checks: [not_null, unique]
  "a b":
    checks:
      - {accepted_values: [a, 1, true], severity: warn}
      - {relationships: {to: raw.airports, column: faa}, name: has_airport}
      - {sql: "\\"a b\\" >= 0"}
      - {not_null: true, severity: warn}
  Größe: {}
checks:
  - {name: no_gaps, sql: "SELECT 1 WHERE false", severity: warn}
  - sql: |
      SELECT 2
      WHERE false
depends: [raw.x, y]
*/
SELECT 1
`);
  assert.deepEqual(rest, {
    name: "daily",
    onChange: "fail",
    path: "transforms/shop/daily.sql",
    materialized: "incremental",
    strategy: "merge",
    primaryKey: ["day"],
    partitionBy: [],
    updateKey: "day",
    tags: ["finance", "daily"],
    description: "Revenue by day",
    columns: {
      day: {
        type: "DATE",
        description: "The day",
        checks: [{ kind: "not_null", severity: "error" }, { kind: "unique", severity: "error" }],
      },
      "a b": {
        checks: [
          { kind: "accepted_values", values: ["a", 1, true], severity: "warn" },
          {
            kind: "relationships",
            to: "raw.airports",
            column: "faa",
            name: "has_airport",
            severity: "error",
          },
          { kind: "sql", sql: '"a b" >= 0', severity: "error" },
          { kind: "not_null", severity: "warn" },
        ],
      },
      "Größe": { checks: [] },
    },
    checks: [
      { kind: "query", sql: "SELECT 1 WHERE false", severity: "warn", name: "no_gaps" },
      { kind: "query", sql: "SELECT 2\nWHERE false\n", severity: "error" },
    ],
    depends: ["raw.x", "y"],
  });
});

Deno.test("parseModel() reads headers of one line, empty ones, with CRLF and behind a byte order mark", () => {
  assert.equal(parse("/* @sluice materialized: view */ SELECT 1").materialized, "view");
  assert.equal(parse("/*@sluice*/ SELECT 1").materialized, "table");
  assert.equal(parse("/* @sluice\n# nothing\n\n*/ SELECT 1").materialized, "table");
  assert.equal(parse("\uFEFF/* @sluice\r\nmaterialized: view\r\ntags: [a]\r\n*/\r\nSELECT 1").tags[0], "a");
  assert.equal(parse("/* @sluicegate: view */ SELECT 1").materialized, "table", "not our comment");
  assert.equal(
    parse("SELECT '/* @sluice x */' AS a, \"-- @sluice\" FROM t").materialized,
    "table",
    "in a string",
  );
});

const FAULTS: Readonly<Record<string, readonly [content: string, faults: readonly string[]]>> = {
  "an unknown key": ["/* @sluice\nmaterialised: view\n*/\nSELECT 1", [
    "daily.sql:2:1 materialised: unknown key (did you mean materialized?)",
  ]],
  "a wrong word": ["/* @sluice\ntags: []\nmaterialized: veiw\n*/\nSELECT 1", [
    'daily.sql:3:15 materialized: expected one of table, view, incremental, scd2, ephemeral but got "veiw" (did you mean view?)',
  ]],
  "a wrong word in CRLF": ["/* @sluice\r\ntags: []\r\nmaterialized: veiw\r\n*/\r\nSELECT 1", [
    'daily.sql:3:15 materialized: expected one of table, view, incremental, scd2, ephemeral but got "veiw" (did you mean view?)',
  ]],
  "an unknown check": ["/* @sluice\ncolumns:\n  day: { checks: [not_nul] }\n*/\nSELECT 1", [
    "daily.sql:3:19 columns.day.checks[0]: expected one of not_null, unique " +
    'but got "not_nul" (did you mean not_null?)',
  ]],
  "a check of two kinds": [
    "/* @sluice\ncolumns:\n  day: { checks: [{sql: x, unique: true}] }\n*/\nSELECT 1",
    [
      "daily.sql:3:19 columns.day.checks[0]: expected exactly one of not_null, unique, accepted_values, " +
      "not_accepted_values, relationships, range, pattern, length, recency, sql",
    ],
  ],
  "a check's unknown key": [
    "/* @sluice\ncolumns:\n  day:\n    checks:\n      - {sql: x, severty: warn}\n*/\nSELECT 1",
    ["daily.sql:5:18 columns.day.checks[0].severty: unknown key (did you mean severity?)"],
  ],
  "incremental without a key": ["/* @sluice\nmaterialized: incremental\n*/\nSELECT 1", [
    "daily.sql:2:15 materialized: materialized: incremental needs primary_key, or a strategy that needs none: " +
    "append, delete_insert, insert_overwrite",
  ]],
  "an update_key of a table": ["/* @sluice\nupdate_key: day\n*/\nSELECT 1", [
    "daily.sql:2:13 update_key: update_key needs materialized: incremental or scd2",
  ]],
  "a strategy without what it goes by": [
    "/* @sluice\nmaterialized: incremental\nstrategy: delete_insert\n*/\nSELECT 1",
    ["daily.sql:3:11 strategy: strategy: delete_insert needs update_key, the time of a row, or partition_by"],
  ],
  "batches of what would be added again, and a lookback of none": [
    "/* @sluice\nmaterialized: incremental\nstrategy: append\nupdate_key: at\nbatch_size: 1d\nlookback: 2\n*/\nSELECT 1",
    [
      "daily.sql:5:13 batch_size: strategy: append would add the rows of a batch again that is not over yet",
      "daily.sql:6:11 lookback: strategy: append would add the rows before the window again",
    ],
  ],
  "lengths and moments that are none": [
    "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\nupdate_key: at\nbatch_size: 1 day\n" +
    "begin: 2026-13-01\nlookback: -1\n*/\nSELECT 1",
    [
      "daily.sql:5:13 batch_size: expected a length such as 1d, 6h, 1w, 1mo or 1y",
      "daily.sql:6:8 begin: expected a date or a time such as 2026-03-01 or 2026-03-01T06:00:00Z",
      "daily.sql:7:11 lookback: expected at least 0 but got -1",
    ],
  ],
  "keys of a table that no run goes on with": [
    "/* @sluice\nstrategy: append\non_schema_change: fail\nfull_refresh: false\n*/\nSELECT 1",
    [
      "daily.sql:2:11 strategy: strategy needs materialized: incremental",
      "daily.sql:3:19 on_schema_change: on_schema_change needs materialized: incremental or scd2",
      "daily.sql:4:15 full_refresh: full_refresh needs materialized: incremental or scd2",
    ],
  ],
  "a key that is no list": ["/* @sluice\nprimary_key: day\n*/\nSELECT 1", [
    'daily.sql:2:14 primary_key: expected a list but got "day": write [day]',
  ]],
  "keys of dbt": ["/* @sluice\nunique_key: day\ncolumns: { day: { tests: [unique] } }\n*/\nSELECT 1", [
    "daily.sql:2:1 unique_key: unknown key: what it says is here primary_key",
    "daily.sql:3:19 columns.day.tests: unknown key: what it says is here checks",
  ]],
  "SQL that YAML ends at its comma": [
    "/* @sluice\ncolumns: { day: { checks: [{ sql: is(day, 1) }] } }\n*/\nSELECT 1",
    [
      "daily.sql:2:43 columns.day.checks[0].1): unknown key; a text with a comma in it stands in double quotes",
    ],
  ],
  "a text with a colon": ["/* @sluice\ndescription: Orders: paid\n*/\nSELECT 1", [
    'daily.sql:2:14 a colon in a text makes a key of it: write the text in double quotes, as "orders: paid"',
  ]],
  "a length of time that is none": [
    "/* @sluice\nchecks: [{ freshness: { column: day, error_after: 2 days } }]\n*/\nSELECT 1",
    [
      'daily.sql:2:51 checks[0].freshness.error_after: expected a duration such as 30s, 5m or 1h30m but got "2 days"',
    ],
  ],
  "YAML that is none": ["/* @sluice\nmaterialized: [view\n*/\nSELECT 1", ["daily.sql:3:1 "]],
  "a key twice": ["/* @sluice\ntags: []\ntags: []\n*/\nSELECT 1", [
    "daily.sql:3:1 this key stands here twice",
  ]],
  "a number that is too large": [
    "/* @sluice\ncolumns: {a: {checks: [{accepted_values: [9007199254740993]}]}}\n*/\nSELECT 1",
    ["daily.sql:2:43 9007199254740993 is too large: write it in quotes"],
  ],
  "a column that gets lost": ["/* @sluice\ncolumns:\n  constructor: {checks: [not_null]}\n*/\nSELECT 1", [
    "daily.sql:3:3 columns.constructor: a column of this name cannot be described here",
  ]],
  "a check's name twice": [
    "/* @sluice\ncolumns: {a: {checks: [{unique: true, name: x}]}}\nchecks:\n  - {name: X, sql: SELECT 1}\n*/\nSELECT 1",
    ["daily.sql:4:12 a second check with the name X"],
  ],
  "a header behind the SQL": ["SELECT 1\n/* @sluice\n*/", [
    "daily.sql:2:1 the header must stand before the SQL",
  ]],
  "two headers": ["/* @sluice */\n/* @sluice */\nSELECT 1", [
    "daily.sql:2:1 this is a second header: a model has one",
  ]],
  "a header of line comments": ["-- @sluice\n-- materialized: view\nSELECT 1", [
    "daily.sql:1:1 a header is one block comment: /* @sluice … */",
  ]],
  "a comment in the header": ["/* @sluice\ntags: ['a/*b']\n*/\nSELECT 1", [
    "daily.sql:2:10 /* inside the header begins a comment in the comment",
  ]],
  "a header without an end": ["/* @sluice\ntags: [a]\n", [
    "daily.sql:1:1 the header has no closing */",
  ]],
  "an empty file": ["", ["daily.sql:1:1 the file has no SQL: expected one SELECT"]],
  "comments alone": ["/* @sluice\nmaterialized: view\n*/\n-- SELECT 1\n", [
    "daily.sql:5:1 the file has no SQL: expected one SELECT",
  ]],
  "a NUL": ["SELECT\n '\0'", ["daily.sql:2:3 a NUL character cannot stand in SQL"]],
  "a header that is a list": ["/* @sluice\n- a\n*/\nSELECT 1", ["daily.sql:2:1 expected keys with values"]],
  "an alias bomb": [
    "/* @sluice\ndescription: &a [x, x]\ntags: [" + "*a,".repeat(200) + "*a]\n*/\nSELECT 1",
    ["daily.sql:1:1 cannot resolve the aliases"],
  ],
};

for (const [what, [content, expected]] of Object.entries(FAULTS)) {
  Deno.test(`parseModel() tells the place of ${what}`, async () => {
    const faults = await faultsOf(() => parse(content));
    assert.equal(faults.length, expected.length, faults.join("\n"));
    for (const [index, start] of expected.entries()) {
      assert.ok(faults[index]?.startsWith(start), `${faults[index]}\nexpected ${start}`);
    }
  });
}

Deno.test("parseModel() reports every fault and names the first in its message", () => {
  const content = "/* @sluice\nmaterialized: veiw\ntags: x\n*/\nSELECT 1";
  assert.throws(() => parse(content), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "invalid");
    assert.equal(error.faults.length, 2);
    assert.match(error.message, /^transforms\/shop\/daily\.sql:2:15: .*\(and 1 more\)$/);
    return true;
  });
});

Deno.test("parseModel() refuses names of files that are no names of tables", async () => {
  for (const name of ["1st", "a-b", "a b", "", "größe", "x".repeat(201), 'a"b', "a.b"]) {
    const faults = await faultsOf(() => parse("SELECT 1", `transforms/shop/${name}.sql`));
    assert.equal(faults.length, 1, name);
    assert.match(faults[0] ?? "", /becomes a table/);
  }
  assert.equal(parse("SELECT 1", "select.SQL").name, "select");
});

Deno.test("headerPlace() finds entries and falls back to the nearest above", () => {
  const daily = model("daily", "/* @sluice\ncolumns:\n  day: {type: DATE}\n*/\nSELECT 1");
  const place = (path: (string | number)[], part?: "key" | "value") => {
    const { line, column } = headerPlace(daily, path, part);
    return [line, column];
  };
  assert.deepEqual(place(["columns", "day", "type"]), [3, 15]);
  assert.deepEqual(place(["columns", "day"], "key"), [3, 3]);
  assert.deepEqual(place(["columns", "day", "checks", 0]), [3, 3]);
  assert.deepEqual(place(["primary_key"]), [2, 1]);
  assert.equal(headerPlace(model("plain", "SELECT 1"), ["x"]).line, 1);
});

Deno.test("parseModel() reads an expression of partition_by that YAML ends at its comma", () => {
  const read = (partitionBy: string) =>
    parseModel({
      path: "transforms/shop/daily.sql",
      content:
        `/* @sluice\nmaterialized: incremental\nstrategy: insert_overwrite\npartition_by: ${partitionBy}\n*/ SELECT 1 AS a`,
    }).partitionBy;
  assert.deepEqual(read("[date_trunc('month', day), country]"), ["date_trunc('month', day)", "country"]);
  assert.deepEqual(read("[a, coalesce(b, concat(c, e)), d]"), ["a", "coalesce(b, concat(c, e))", "d"]);
  assert.deepEqual(read('["date_part(\'year\', day)", "day + 1"]'), ["date_part('year', day)", "day + 1"]);
  assert.deepEqual(read("[f(a, b]"), ["f(a", "b"]);
});
