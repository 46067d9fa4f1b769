import { dirname, join } from "node:path";
import { DUCKDB_VERSION } from "../../engine/runs/warehouses/crypto_module.ts";
import { findPythonWith } from "./python_packages.ts";

/** Where the test finds the two extensions: their folder has a folder an extension. */
export const TPC_EXTENSIONS = "SLUICE_TEST_TPC_EXTENSIONS";
const TESTS = "/integration/lineage/";

/** DuckDB's own extensions with the queries of TPC-H and TPC-DS, as packages of Python. */
const PACKAGES = ["tpch", "tpcds"].map((name) => `duckdb-extension-${name}==${DUCKDB_VERSION.slice(1)}`);
const OPTIONS = ["--no-deps", "--no-compile", "--disable-pip-version-check"];

/** Whether one of the files wants them. */
export const needsTpcQueries = (files: readonly string[]): boolean =>
  files.some((file) => file.includes(TESTS));

/** The folder that has them: that of SLUICE_TEST_TPC_EXTENSIONS, or of a virtual environment in dist/. */
export async function findTpcExtensions(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<string> {
  const given = Deno.env.get(TPC_EXTENSIONS);
  if (given) return given;
  const python = await findPythonWith(root, "duckdb_tpc", PACKAGES, installPackages, OPTIONS);
  const lib = join(dirname(python), "..", "lib");
  for await (const { name } of Deno.readDir(lib)) {
    const folder = join(lib, name, "site-packages");
    const file = join(folder, extensionPath("tpcds"));
    if (await Deno.stat(file).then(() => true, () => false)) return folder;
  }
  throw new Error(`duckdb-extension-tpcds has no tpcds.duckdb_extension below ${lib}`);
}

/** Below the folder. */
export const extensionPath = (name: string): string =>
  join(`duckdb_extension_${name}`, "extensions", DUCKDB_VERSION, `${name}.duckdb_extension`);
