import { duckdb } from "../../connectors/duckdb/connector.ts";
import { conformance } from "./suite.ts";

conformance({
  name: "duckdb",
  connector: duckdb,
  start: async () => {
    const projectDir = await Deno.makeTempDir({ prefix: "sluice-duckdb-" });
    await Deno.writeTextFile(
      `${projectDir}/text.db`,
      "this is not a database, but it is long enough to look".repeat(300),
    );
    return {
      config: { path: "data/it.duckdb" },
      projectDir,
      target: (table) => ({ table }),
      stream: (table) => ({ stream: table }),
      query: (table) => ({ query: `SELECT * FROM ${table}` }),
      brokenConfig: { path: "text.db" },
      [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }),
    };
  },
  typeBack: (type) => type,
  failsLate: {
    query:
      "SELECT range AS id, CASE range WHEN 90000 THEN error('late') ELSE 'x' END AS name FROM range(100000)",
  },
  modes: ["replace", "append", "merge", "delete_insert", "scd2"],
});
