import { file } from "../../connectors/file/connector.ts";
import type { RunningSystem } from "./fixture.ts";
import { conformance } from "./suite.ts";

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
    target: (table) => ({ target: pathOf(table).target, options }),
    stream: (table) => ({ path: pathOf(table).path, options: streamOptions }),
    [Symbol.asyncDispose]: () => Deno.remove(projectDir, { recursive: true }),
  };
}

conformance({
  name: "file, a folder of Parquet",
  connector: file,
  start: () => startFiles((table) => ({ target: `${table}/`, path: `${table}/*.parquet` }), {}),
  // Parquet has no type of 128-bit integers: DuckDB writes them as doubles.
  typeBack: (type) => (type === "HUGEINT" ? undefined : type),
  modes: ["replace", "append", "merge"],
});

conformance({
  name: "file, a Parquet file",
  connector: file,
  start: () =>
    startFiles((table) => ({ target: `${table}.parquet`, path: `${table}.parquet` }), {
      compression: "zstd",
    }),
  typeBack: (type) => (type === "HUGEINT" ? undefined : type),
  modes: ["replace", "merge"],
});

conformance({
  name: "file, a folder of Arrow",
  connector: file,
  start: () =>
    startFiles((table) => ({ target: `${table}/`, path: `${table}/*.arrow` }), { format: "arrow" }),
  typeBack: (type) => type,
  modes: ["replace"],
});
