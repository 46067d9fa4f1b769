import { sqlite } from "../../connectors/sqlite/connector.ts";
import { conformance } from "./suite.ts";

const TYPE_BACK: Readonly<Record<string, string>> = {
  "TINYINT": "BIGINT",
  "SMALLINT": "BIGINT",
  "INTEGER": "BIGINT",
  "UTINYINT": "BIGINT",
  "USMALLINT": "BIGINT",
  "UINTEGER": "BIGINT",
  "UBIGINT": "DECIMAL(20,0)",
  "FLOAT": "DOUBLE",
  "INTEGER[]": "JSON",
  "STRUCT(a INTEGER, b VARCHAR)": "JSON",
};

conformance({
  name: "sqlite",
  connector: sqlite,
  start: async () => {
    const projectDir = await Deno.makeTempDir({ prefix: "sluice-sqlite-" });
    await Deno.writeTextFile(
      `${projectDir}/text.db`,
      "this is not a database, but it is long enough to look",
    );
    return {
      config: { path: "data/it.db" },
      projectDir,
      target: (table) => ({ table }),
      stream: (table) => ({ stream: table }),
      query: (table) => ({ query: `SELECT * FROM ${table}` }),
      brokenConfig: { path: "text.db" },
      [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }),
    };
  },
  typeBack: (type) => TYPE_BACK[type] ?? type,
  failsLate: {
    query: "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 50000) " +
      "SELECT i AS id, json_extract(CASE i WHEN 40000 THEN 'oops' ELSE '{}' END, '$') AS name FROM r",
    options: { columns: { id: "INTEGER", name: "TEXT" } },
  },
  modes: ["replace", "append", "merge", "delete_insert", "scd2"],
});
