import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Where the test command says that the program as it ships is: its folder `lib`. */
export const TEST_PROGRAM = "SLUICE_TEST_PROGRAM";

/**
 * What tests start: the program as it ships, which loads in half the time that the checkout's modules take; those where
 * no test command made it.
 */
const lib = Deno.env.get(TEST_PROGRAM);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** The main module's URL. */
export const PROGRAM_MAIN = pathToFileURL(lib ? join(lib, "app.mjs") : join(root, "server", "main.ts")).href;

/** Flags of deno for that module. */
export const PROGRAM_FLAGS: readonly string[] = lib
  ? ["--no-lock", `--config=${join(lib, "deno.json")}`]
  : [`--config=${join(root, "deno.json")}`];
