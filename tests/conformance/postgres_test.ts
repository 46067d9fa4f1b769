import { postgres } from "../../connectors/postgres/connector.ts";
import { acquirePostgres } from "../support/postgres.ts";
import { conformance } from "./suite.ts";

const server = await acquirePostgres();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const TYPE_BACK: Readonly<Record<string, string>> = {
  "TINYINT": "SMALLINT",
  "UTINYINT": "SMALLINT",
  "USMALLINT": "INTEGER",
  "UINTEGER": "BIGINT",
  "UBIGINT": "DECIMAL(20,0)",
  // 39 digits, one more than a decimal has.
  "HUGEINT": "VARCHAR",
  "STRUCT(a INTEGER, b VARCHAR)": "JSON",
};

conformance({
  name: "postgres",
  connector: postgres,
  start: async () => {
    const database = await server.createDatabase();
    const projectDir = await Deno.makeTempDir({ prefix: "sluice-postgres-" });
    const broken = new URL(database.url);
    broken.password = "wrong%20horse";
    return {
      config: { url: database.url },
      projectDir,
      target: (table) => ({ table: `made.${table}` }),
      stream: (table) => ({ stream: `made.${table}` }),
      query: (table) => ({ query: `SELECT * FROM made.${table}` }),
      brokenConfig: { url: broken.href },
      secrets: [server.password],
      cut: async () => {
        await database.sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'sluice'`;
      },
      [Symbol.asyncDispose]: async () => {
        await database[Symbol.asyncDispose]();
        await Deno.remove(projectDir, { recursive: true });
      },
    };
  },
  typeBack: (type) => TYPE_BACK[type] ?? type,
  isCut: true,
  failsLate: {
    query: "SELECT i AS id, (1 / (90000 - i))::text AS name FROM generate_series(1, 100000) AS i",
  },
  modes: ["replace", "append", "merge", "delete_insert", "scd2"],
});
