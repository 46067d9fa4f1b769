import { mysql } from "../../connectors/mysql/connector.ts";
import { acquireMariadb } from "../support/mariadb.ts";
import { conformance } from "./suite.ts";

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const TYPE_BACK: Readonly<Record<string, string>> = {
  // A tinyint(1) may hold more than a boolean.
  "BOOLEAN": "TINYINT",
  // 39 digits, one more than a decimal has.
  "HUGEINT": "VARCHAR",
  // As datetime(6), in UTC: a TIMESTAMP of MySQL ends in 2038.
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
  "INTEGER[]": "JSON",
  "STRUCT(a INTEGER, b VARCHAR)": "JSON",
};

conformance({
  name: "mysql",
  connector: mysql,
  start: async () => {
    const database = await server.createDatabase();
    const projectDir = await Deno.makeTempDir({ prefix: "sluice-mysql-" });
    const broken = new URL(database.url);
    broken.password = "wrong%20horse";
    return {
      config: { url: database.url },
      projectDir,
      target: (table) => ({ table: `\`${table}\`` }),
      stream: (table) => ({ stream: `\`${table}\`` }),
      query: (table) => ({ query: `SELECT * FROM \`${table}\`` }),
      brokenConfig: { url: broken.href },
      secrets: [server.password],
      cut: async () => {
        const found = await database.run(
          "SELECT id FROM information_schema.PROCESSLIST WHERE db = DATABASE() AND id <> CONNECTION_ID()",
        );
        // Those that look are connections of the test's own, which come again.
        for (const { id } of found) await database.run(`KILL CONNECTION ${id}`).catch(() => {});
      },
      [Symbol.asyncDispose]: async () => {
        await database[Symbol.asyncDispose]();
        await Deno.remove(projectDir, { recursive: true });
      },
    };
  },
  typeBack: (type) => TYPE_BACK[type] ?? type,
  impossibleNames: ["ünï漢字🦆"],
  lacksInfinity: true,
  isCut: true,
  failsLate: {
    query:
      "SELECT seq AS id, CASE WHEN seq = 90000 THEN (SELECT 1 UNION SELECT 2) ELSE 'x' END AS name FROM seq_1_to_100000",
  },
  modes: ["replace", "append", "merge", "delete_insert", "scd2"],
});
