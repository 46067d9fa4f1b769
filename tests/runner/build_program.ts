import { join } from "node:path";
import { runScript } from "./build_binary.ts";

/** Where the test command says that the program as it ships is: its folder `lib`. */
export const TEST_PROGRAM = "SLUICE_TEST_PROGRAM";

/** Bundles the program for the tests that start it, in dist/program, and returns the folder of its main module. */
export async function buildProgram(root: string): Promise<string> {
  return await runScript(root, "build_folder.ts", [join(root, "dist", "program")]);
}
