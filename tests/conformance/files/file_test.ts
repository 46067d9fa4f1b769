import { file } from "../../../connectors/files/connector.ts";
import { CSV_TYPES } from "./csv_types.ts";
import type { RunningSystem } from "../fixture.ts";
import { conformance, conformanceOfLoads } from "../suite.ts";

/** A folder of its own; each table is a folder of files, or a file. */
async function startFiles(
  pathOf: (table: string) => { readonly target: string; readonly path: string },
  options: Readonly<Record<string, unknown>>,
  streamOptions: Readonly<Record<string, unknown>> = {},
): Promise<RunningSystem> {
  const projectDir = await Deno.makeTempDir({ prefix: "sluice-file-" });
  return {
    config: { root: "data" },
    projectDir,
    target: (table) => ({ path: pathOf(table).target, options }),
    stream: (table) => ({ path: pathOf(table).path, options: streamOptions }),
    [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }),
  };
}

conformance({
  name: "file, a folder of Parquet",
  connector: file,
  start: () => startFiles((table) => ({ target: `${table}/`, path: `${table}/*.parquet` }), {}),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace", "append", "merge"],
});

for (const format of ["parquet", "csv"]) {
  conformanceOfLoads({
    name: `file, a partitioned folder of ${format}`,
    connector: file,
    start: () =>
      startFiles(
        (table) => ({ target: `${table}/`, path: `${table}/**/*.${format}` }),
        { format },
      ),
    typeBack: (type) => type,
    modes: ["delete_insert"],
  });
}

conformance({
  name: "file, a Parquet file",
  connector: file,
  start: () =>
    startFiles((table) => ({ target: `${table}.parquet`, path: `${table}.parquet` }), {
      compression: "zstd",
    }),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace", "merge"],
});

conformance({
  name: "file, a folder of Arrow",
  connector: file,
  start: () =>
    startFiles((table) => ({ target: `${table}/`, path: `${table}/*.arrow` }), { format: "arrow" }),
  typeBack: (type) => (type === "HUGEINT" ? "DECIMAL(38,0)" : type),
  modes: ["replace"],
});

conformance({
  name: "file, a CSV file",
  connector: file,
  start: () => startFiles((table) => ({ target: `${table}.csv`, path: `${table}.csv` }), {}),
  typeBack: (type) => CSV_TYPES[type] ?? type,
  modes: ["replace", "merge"],
});
