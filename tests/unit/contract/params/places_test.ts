import { deepEqual, equal, throws } from "node:assert/strict";
import * as v from "valibot";
import { mysql } from "../../../../connectors/mysql/connector.ts";
import { postgres } from "../../../../connectors/postgres/connector.ts";
import { sqlite } from "../../../../connectors/sqlite/connector.ts";
import { DUCKDB_TEXT } from "../../../../connectors/sql_text.ts";
import type { SqlText } from "../../../../contract/connector/sql_text.ts";
import { fillParams } from "../../../../contract/params/places.ts";
import { resolveParams } from "../../../../contract/params/values.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { withSession } from "../../sql/fixtures.ts";

const PARAMS = {
  region: { default: "eu" },
  n: { type: "integer", default: 1 },
  big: { type: "integer", default: "9007199254740993" },
  ratio: { type: "number", default: 0.5 },
  dry: { type: "boolean", default: false },
  day: { type: "date", default: "2024-02-29" },
  since: { type: "timestamp", default: "2024-01-01T02:00:00.000001+02:00" },
  nothing: { required: false },
};

/** What a stream or load with these keys becomes. */
function filled(
  part: "extract" | "load",
  keys: Record<string, unknown>,
  given: Record<string, unknown> = {},
  sqlText: SqlText = DUCKDB_TEXT,
) {
  const definition = v.parse(pipelineSchema, { params: PARAMS, [part]: { a: { connector: "c", ...keys } } });
  const values = resolveParams(definition.params, given);
  const { extract, load } = fillParams(definition, {
    definitions: definition.params,
    values,
    sqlText: () => sqlText,
  });
  const entry: Readonly<Record<string, unknown>> =
    (part === "extract" ? extract["a"] : [load["a"]].flat()[0]) ?? {};
  return Object.fromEntries(Object.keys(keys).map((key) => [key, entry[key]]));
}

const sqlOf = (where: string, given: Record<string, unknown> = {}, sqlText?: SqlText) =>
  filled("extract", { where }, given, sqlText)["where"];

const HOSTILE = String.raw`'); DROP TABLE x; -- \' " ${"`"} $$ /* # \\`;

Deno.test("a param in SQL is a literal of its type, in each system's own words", () => {
  const where =
    "a = ${param:region} AND n>-${param:n} AND ${param:big} AND ${param:ratio} AND ${param:dry} AND " +
    "d=${param:day} AND t=${param:since} AND ${param:nothing}";
  const given = { n: -2, region: "it's" };
  equal(
    sqlOf(where, given),
    "a = 'it''s' AND n>-(-2) AND 9007199254740993 AND 0.5 AND FALSE AND d=DATE '2024-02-29' AND " +
      "t=TIMESTAMPTZ '2024-01-01T02:00:00.000001+02:00' AND NULL",
  );
  equal(
    sqlOf("d=${param:day} AND t=${param:since} AND ${param:region}", {}, mysql.sqlText),
    "d=DATE '2024-02-29' AND t=TIMESTAMP '2024-01-01 00:00:00.000001' AND _utf8mb4 X'6575'",
  );
  equal(
    sqlOf("d=${param:day} AND t=${param:since}", {}, sqlite.sqlText),
    "d='2024-02-29' AND t='2024-01-01T02:00:00.000001+02:00'",
  );
  equal(sqlOf("x = ${param:region}", { region: "a\\'b" }, postgres.sqlText), "x = E'a\\\\''b'");
});

Deno.test("no value becomes anything but a literal in DuckDB", async () => {
  await withSession(async (session) => {
    for (const region of [HOSTILE, "", "'", "\\", "\n--\n", "\u{1F600}", "$tag$"]) {
      const sql = `SELECT * FROM (SELECT ${sqlOf("${param:region}", { region })} AS v)`;
      deepEqual(await session.rows(sql), [{ v: region }]);
    }
  });
});

Deno.test("a literal joins no token beside it", () => {
  equal(sqlOf("E${param:region}"), "E 'eu'");
  equal(sqlOf("'a'${param:region}'b'"), "'a' 'eu' 'b'");
  equal(sqlOf("f(${param:region},1)"), "f('eu',1)");
});

const QUOTED: readonly (readonly [string, SqlText])[] = [
  ["a = '${param:region}'", DUCKDB_TEXT],
  ['a = "${param:region}"', DUCKDB_TEXT],
  ["a = $$ ${param:region} $$", DUCKDB_TEXT],
  ["a -- ${param:region}", DUCKDB_TEXT],
  ["/* /* */ ${param:region} */ true", DUCKDB_TEXT],
  ["a = '\\' || ${param:region} || '", postgres.sqlText],
  ["a = '\\' || ${param:region} || '", mysql.sqlText],
  ["a = '\\'${param:region}'", mysql.sqlText],
  ["`${param:region}` = 1", mysql.sqlText],
  ["a = 1 # ${param:region}", mysql.sqlText],
  ["[${param:region}] = 1", sqlite.sqlText],
];

for (const [where, sqlText] of QUOTED) {
  Deno.test(`a param in quotes or a comment is refused: ${where}`, () => {
    throws(
      () => sqlOf(where, {}, sqlText),
      /Cannot use the param region in extract.a.where: it stands in quotes/,
    );
  });
}

Deno.test("a param in a path, a name or a request is a text that leads nowhere else", () => {
  deepEqual(filled("extract", { path: "data/${param:region}/${param:day}-${param:n}.csv" }), {
    path: "data/eu/2024-02-29-1.csv",
  });
  deepEqual(filled("load", { table: "lake.${param:region}_orders", mode: "append" }, { region: "é-1" }), {
    table: "lake.é-1_orders",
    mode: "append",
  });
  deepEqual(
    filled("extract", {
      endpoint: {
        path: "regions/${param:region}/orders",
        params: { since: "${param:since}", limit: "${param:n}", note: "a ${param:region}" },
        json: { limit: "${param:n}", dry: "${param:dry}", none: "${param:nothing}", text: "n${param:n}" },
      },
    }, { region: "a/b ?#é" }),
    {
      endpoint: {
        path: "regions/a%2Fb%20%3F%23%C3%A9/orders",
        params: { since: "2024-01-01T02:00:00.000001+02:00", limit: "1", note: "a a/b ?#é" },
        json: { limit: 1, dry: false, none: null, text: "n1" },
      },
    },
  );
});

const REFUSED: readonly (readonly [Record<string, unknown>, string, RegExp])[] = [
  [{ path: "${param:region}/a.csv" }, "", /in extract.a.path: its value "" is empty/],
  [{ path: "data/${param:region}" }, "../x", /its value "..\/x" has one of/],
  [{ path: "data/${param:region}/a.csv" }, "..", /its value would make the folder ".."/],
  [{ path: "data/.${param:region}/a.csv" }, ".", /its value would make the folder ".."/],
  [{ path: "data/${param:region}" }, "*", /has one of/],
  [{ path: "data/${param:region}" }, "a\\b", /has one of/],
  [{ path: "${param:region}//host/a.csv" }, "https:", /has a ":"/],
  [
    { path: "a-${param:nothing}.csv" },
    "x",
    /Cannot use the param nothing in extract.a.path: it has no value \(NULL\)/,
  ],
  [{ stream: "public.${param:region}" }, 'a"; --', /has something else than letters, digits, _ and -/],
  [{ stream: "public.${param:region}" }, "a.b", /has something else/],
  [{ endpoint: "a/${param:region}/b" }, "..", /its value would make the folder/],
  [
    { endpoint: { path: "a", headers: { "X-Region": "${param:region}" } } },
    "a\r\nX: y",
    /has a control character/,
  ],
  [{ endpoint: { path: "a", params: { q: "${param:region}" } } }, "{resources.users.id}", /has \{ or \}/],
  [{ endpoint: { path: "a", json: { q: "${param:region}" } } }, "{resources.users.id}", /has \{ or \}/],
];

for (const [keys, region, message] of REFUSED) {
  Deno.test(`a value is refused: ${JSON.stringify(region)} in ${JSON.stringify(keys)}`, () => {
    throws(() => filled("extract", keys, { region }), message);
  });
}

Deno.test("$${param:…} is plain text, and a value is not read again", () => {
  equal(
    sqlOf("a = '$${param:region}' OR ${param:region}", { region: "${param:n} $${param:n}" }),
    "a = '${param:region}' OR '${param:n} $${param:n}'",
  );
  deepEqual(filled("extract", { path: "$${param:region}.csv" }), { path: "${param:region}.csv" });
});
