import { dirname, join } from "node:path";
import { DUCKDB_VERSION } from "../../engine/runs/warehouses/crypto_module.ts";
import { findPythonWith } from "./python_packages.ts";

/** The same that the program reads. */
export const CRYPTO_MODULE = "SLUICE_DUCKDB_HTTPFS";
const TESTS = "/integration/encryption/";

/** DuckDB's own file, signed by its makers, as a package of Python; it wants Python's DuckDB beside it, which is not needed. */
const PACKAGES = [`duckdb-extension-httpfs==${DUCKDB_VERSION.slice(1)}`];
const OPTIONS = ["--no-deps", "--no-compile", "--disable-pip-version-check"];

/** Whether one of the files wants it. */
export const needsCryptoModule = (files: readonly string[]): boolean =>
  files.some((file) => file.includes(TESTS));

/** DuckDB's httpfs extension: that of SLUICE_DUCKDB_HTTPFS, or of a virtual environment in dist/. */
export async function findCryptoModule(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<string> {
  const given = Deno.env.get(CRYPTO_MODULE);
  if (given) return given;
  const python = await findPythonWith(root, "duckdb_httpfs", PACKAGES, installPackages, OPTIONS);
  const lib = join(dirname(python), "..", "lib");
  for await (const { name } of Deno.readDir(lib)) {
    const file = join(
      lib,
      name,
      "site-packages",
      "duckdb_extension_httpfs",
      "extensions",
      DUCKDB_VERSION,
      "httpfs.duckdb_extension",
    );
    if (await Deno.stat(file).then(() => true, () => false)) return file;
  }
  throw new Error(`duckdb-extension-httpfs has no httpfs.duckdb_extension below ${lib}`);
}
