import assert from "node:assert/strict";
import {
  isAllowedTableFunction,
  isOwnView,
  isRefusedScalar,
  refusedCalls,
} from "../../../../sql/language/allowed_functions.ts";
import { buildGraph } from "../../../../sql/language/graph/analyze_graph.ts";
import { parseSelect } from "../../../../sql/language/parse_tree.ts";
import { faultsOf, models, withSession } from "../fixtures.ts";

const refusedIn = (sql: string) =>
  withSession(async (session) =>
    refusedCalls(await parseSelect(session, sql)).map(({ message, position }) =>
      `${position} ${message.slice(0, message.indexOf(" cannot be called here"))}`
    )
  );

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "SELECT * FROM enable_profiling(format := 'json', save_location := '/tmp/x')": ["14 enable_profiling()"],
  "FROM enable_logging(storage := 'stdout')": ["5 enable_logging()"],
  "FROM Read_Text('.sluice/server.json')": ["5 read_text()"],
  "FROM system.main.read_csv('x')": ["5 read_csv()"],
  "FROM glob('*')": ["5 glob()"],
  "FROM sniff_csv('x')": ["5 sniff_csv()"],
  "FROM parquet_metadata('x')": ["5 parquet_metadata()"],
  "FROM duckdb_secrets()": ["5 duckdb_secrets()"],
  "FROM pragma_storage_info('t')": ["5 pragma_storage_info()"],
  "FROM query('SELECT * FROM read_text(''x'')')": ["5 query()"],
  "FROM query_table('a' || 'b')": ["5 query_table()"],
  "FROM query_table(['a', getvariable('b')])": ["5 query_table()"],
  "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))": ["5 json_execute_serialized_sql()"],
  "WITH a AS (FROM read_blob('x')) SELECT 1": ["16 read_blob()"],
  "SELECT (SELECT content FROM read_text('x'))": ["28 read_text()"],
  "FROM t WHERE EXISTS (FROM read_text('x'))": ["26 read_text()"],
  "SELECT list_transform([1], x -> (SELECT content FROM read_text('y')))": ["53 read_text()"],
  "FROM (DESCRIBE FROM read_text('x'))": ["20 read_text()"],
  "FROM t PIVOT (max((SELECT content FROM read_text('x'))) FOR a IN (1))": ["39 read_text()"],
  "SELECT 1 UNION ALL FROM checkpoint()": ["24 checkpoint()"],
  "SELECT getenv('HOME')": ["7 getenv()"],
  "SELECT current_setting('allowed_directories')": ["7 current_setting()"],
  "SELECT x.getenv() FROM t": ["7 getenv()"],
  "SELECT ('x').write_log()": ["13 write_log()"],
  "SELECT write_log('x') OVER ()": ["7 write_log()"],
  "SELECT 1 ORDER BY write_log('x')": ["18 write_log()"],
  "SELECT json_serialize_plan('FROM read_text(''x'')')": ["7 json_serialize_plan()"],
};

for (const [sql, expected] of Object.entries(REFUSED)) {
  Deno.test(`refusedCalls() finds ${expected.join(", ")} in ${sql}`, async () => {
    assert.deepEqual(await refusedIn(sql), expected);
  });
}

Deno.test("each of DuckDB's own views that shows what a refused function does is refused, whatever it is called by", async () => {
  await withSession(async (session) => {
    const views = await session.rows("SELECT schema_name, view_name, sql FROM duckdb_views() WHERE internal");
    for (const { schema_name: schema, view_name: name, sql } of views) {
      assert.ok(isOwnView(String(name), String(schema)), `${schema}.${name} is not known`);
      const calls = [...String(sql).matchAll(/(\w+)\s*\(/g)].map(([, called = ""]) => called.toLowerCase());
      const isRefused = calls.some((called) => KNOWN_REFUSED.includes(called));
      const texts = [`system.${schema}.${name}`, ...schema === "main" ? [] : [`${schema}.${name}`]];
      // DuckDB finds those of information_schema by their whole name only.
      if (schema !== "information_schema") texts.push(String(name));
      for (const text of texts) {
        const faults = await faultsOf(() =>
          buildGraph(session, { models: models({ m: `SELECT * FROM ${text}` }), streams: [] })
        );
        assert.equal(faults.length > 0, isRefused, `${text}: ${faults[0]}`);
      }
    }
  });
});

Deno.test("refusedCalls() leaves what only computes", async () => {
  const sqls = [
    "SELECT * FROM range(10), generate_series(1, 2), unnest([1]), repeat('a', 3), json_each('{}')",
    "FROM query_table('raw.orders') UNION FROM query_table(['a', 'b'], true)",
    "SELECT unnest([1]), random(), sum(1) OVER (), [x + 1 FOR x IN [1]], 'a' LIKE 'b', getvariable('x')",
    "SELECT generate_subscripts([1], 1), regexp_split_to_table('a b', ' ')",
    "FROM duckdb_tables()",
  ];
  for (const sql of sqls) assert.deepEqual(await refusedIn(sql), [], sql);
});

Deno.test("buildGraph() refuses such calls before a run, and checks that are not one SELECT", async () => {
  const header = 'checks: [{name: c, sql: "SELECT 1) AS a, (SELECT 2"}]';
  const faults = await withSession((session) =>
    faultsOf(() =>
      buildGraph(session, {
        models: models({ a: `/* @sluice\n${header}\n*/ SELECT 1 AS id`, b: "FROM read_text('x')" }),
        streams: [],
      })
    )
  );
  assert.match(faults[0] ?? "", /^b\.sql:1:6 read_text\(\) cannot be called here/);
  assert.match(faults[1] ?? "", /^a\.sql:2:\d+ c: syntax error/);
});

/** Every table function of this DuckDB that is refused: a newer one makes this test ask about its new ones. */
const KNOWN_REFUSED =
  `arrow_scan arrow_scan_dumb check_peg_parser checkpoint disable_logging disable_peg_parser disable_profiling
  duckdb_approx_database_count duckdb_connection_count duckdb_coordinate_systems duckdb_databases
  duckdb_extensions duckdb_external_file_cache duckdb_log_contexts duckdb_logs duckdb_logs_parsed duckdb_memory
  duckdb_optimizers duckdb_prepared_statements duckdb_profiling_settings duckdb_secret_types duckdb_secrets
  duckdb_settings duckdb_table_sample duckdb_temporary_files duckdb_variables enable_logging enable_peg_parser
  enable_profiling force_checkpoint glob histogram histogram_values json_execute_serialized_sql
  parquet_bloom_probe parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_metadata
  parquet_scan parquet_schema pragma_collations pragma_database_size pragma_metadata_info pragma_platform
  pragma_show pragma_storage_info pragma_table_info pragma_user_agent pragma_version query read_blob read_csv
  read_csv_auto read_duckdb read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson
  read_ndjson_auto read_ndjson_objects read_parquet read_text seq_scan sniff_csv sql_auto_complete
  truncate_duckdb_logs which_secret`.split(/\s+/);

/** Scalar functions with side effects as DuckDB counts them, that do no harm. */
const HARMLESS_VOLATILE =
  `current_connection_id current_query current_query_id current_transaction_id currval error gen_random_uuid
  nextval random setseed sleep_ms stats uuid uuidv4 uuidv7`.split(/\s+/);

Deno.test("every table function of DuckDB is allowed or known to be refused, and so is each with side effects", async () => {
  const [tables, scalars] = await withSession(async (session) => [
    await session.rows(
      "SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE function_type IN ('table', 'table_macro') ORDER BY 1",
    ),
    await session.rows(
      "SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE function_type = 'scalar' AND has_side_effects ORDER BY 1",
    ),
  ]);
  const names = (rows: typeof tables) => rows.map(({ name }) => String(name));
  assert.deepEqual(names(tables).filter((name) => !isAllowedTableFunction(name)), KNOWN_REFUSED);
  assert.deepEqual(names(scalars).filter((name) => !isRefusedScalar(name)), HARMLESS_VOLATILE);
});

/**
 * All of DuckDB's other functions by their kinds. Each but the pragmas, which no SELECT reaches, was called with files, texts, numbers, lists and lambdas, in a database that
 * may read one folder: none of them read or wrote a file, told of the server, or ended the process.
 */
const JUDGED = new URL("../../../fixtures/judged_functions.txt", import.meta.url);

Deno.test("every other function of DuckDB was judged: a newer one makes this test ask about its new ones", async () => {
  const judged: Record<string, string[]> = {};
  let kind = "";
  for (const line of (await Deno.readTextFile(JUDGED)).trimEnd().split("\n")) {
    if (line.endsWith(":")) judged[kind = line.slice(0, -1)] = [];
    else judged[kind]?.push(...line.trim().split(" "));
  }
  const rows = await withSession((session) =>
    session.rows(
      `SELECT DISTINCT function_type AS kind, function_name AS name FROM duckdb_functions()
      WHERE internal AND function_type NOT IN ('table', 'table_macro')
        AND regexp_full_match(function_name, '[a-z0-9_]+') ORDER BY ALL`,
    )
  );
  const found: Record<string, string[]> = {};
  for (const { kind, name } of rows) (found[String(kind)] ??= []).push(String(name));
  assert.deepEqual(found, judged);
});
