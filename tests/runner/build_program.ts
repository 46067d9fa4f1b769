import { join } from "node:path";
import { runScript } from "./build_binary.ts";

/** Bundles the program for the tests that start it, into dist/program, and returns the folder of its main module. */
export async function buildProgram(root: string): Promise<string> {
  const folder = join(root, "dist", "program");
  await runScript(root, "build_folder.ts", [folder]);
  return join(folder, "lib");
}
