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
      brokenConfig: { path: "text.db" },
      [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }),
    };
  },
  typeBack: (type) => TYPE_BACK[type] ?? type,
  modes: ["replace", "append", "merge"],
});
