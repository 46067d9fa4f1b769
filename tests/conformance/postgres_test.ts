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
      brokenConfig: { url: broken.href },
      secrets: [server.password],
      [Symbol.asyncDispose]: async () => {
        await database[Symbol.asyncDispose]();
        await Deno.remove(projectDir, { recursive: true });
      },
    };
  },
  typeBack: (type) => TYPE_BACK[type] ?? type,
  modes: ["replace", "append", "merge"],
});
