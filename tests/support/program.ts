import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TEST_PROGRAM } from "../runner/build_program.ts";

export interface Program {
  /** The main module's URL. */
  readonly main: string;
  /** Flags of deno for that module. */
  readonly flags: readonly string[];
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The modules of the checkout. */
export const CHECKOUT: Program = {
  main: pathToFileURL(join(root, "server", "main.ts")).href,
  flags: [`--config=${join(root, "deno.json")}`],
};

/**
 * What tests start: the program as it ships, which loads in half the time that the checkout's modules take; those where
 * no test command made it.
 */
export const PROGRAM = shippedProgram(Deno.env.get(TEST_PROGRAM)) ?? CHECKOUT;

function shippedProgram(lib: string | undefined): Program | undefined {
  if (!lib) return undefined;
  return {
    main: pathToFileURL(join(lib, "app.mjs")).href,
    flags: ["--no-lock", `--config=${join(lib, "deno.json")}`],
  };
}
