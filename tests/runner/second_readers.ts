import { findPythonWith } from "./python_packages.ts";

/** The versions that are in the registry of Python's packages. */
const PACKAGES = ["pyarrow==26.0.1", "openpyxl==3.1.5"];
export const SECOND_READERS = "SLUICE_TEST_PYTHON";

/**
 * A Python with pyarrow and openpyxl, by its absolute path: the one in SLUICE_TEST_PYTHON, or one of a virtual environment in
 * dist/. Throws where none can be had.
 */
export async function findSecondReaders(
  root: string,
  installPackages: (packages: readonly string[]) => Promise<void>,
): Promise<string> {
  return Deno.env.get(SECOND_READERS) ||
    await findPythonWith(root, "second_readers", PACKAGES, installPackages);
}
