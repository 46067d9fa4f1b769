import { libsql } from "../../connectors/libsql/connector.ts";
import { startSqld } from "../support/sqld.ts";
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
const TOKEN = "a-token.that-this-server.does-not-ask-for";

conformance({
  name: "libsql",
  connector: libsql,
  start: async () => {
    const projectDir = await Deno.makeTempDir({ prefix: "sluice-libsql-" });
    const server = await startSqld();
    return {
      config: { url: server.url, auth_token: TOKEN },
      projectDir,
      target: (table) => ({ table }),
      stream: (table) => ({ stream: table }),
      query: (table) => ({ query: `SELECT * FROM ${table}` }),
      brokenConfig: { url: "http://127.0.0.1:1", auth_token: "another-token" },
      secrets: [TOKEN],
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await Deno.remove(projectDir, { recursive: true });
      },
    };
  },
  typeBack: (type) => TYPE_BACK[type] ?? type,
  failsLate: {
    query: "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 50000) " +
      "SELECT i AS id, json_extract(CASE i WHEN 40000 THEN 'oops' ELSE '{}' END, '$') AS name FROM r",
    options: { columns: { id: "INTEGER", name: "TEXT" } },
  },
  // There is no connection to cut: a load outlives a server's restart while it sends rows (tests/integration/libsql).
  modes: ["replace", "append", "merge", "delete_insert", "scd2"],
});
