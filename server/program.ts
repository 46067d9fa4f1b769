import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunProcessProgram } from "../engine/runs/attempt/spawn.ts";
import { VERSION } from "./version.ts";

/** What the program knows about itself: it runs from a checkout, or unpacked from the one file. */
export interface Program {
  readonly version: string;
  /** Whether it came out of the one file. */
  readonly isPacked: boolean;
  /** The deno that runs it, and that `sluice deno` hands to users' scripts. */
  readonly deno: string;
  readonly runProcess: RunProcessProgram;
  /** The project that `sluice init` copies. */
  readonly starterDir: string;
}

/**
 * Looks around the program's main module: `lib/app.mjs` of the unpacked file, `server/main.ts` of a
 * checkout. The one file's launcher says in SLUICE_DENO where its deno is.
 */
export function findProgram(mainUrl: string, env: (name: string) => string | undefined): Program {
  const main = fileURLToPath(mainUrl);
  const deno = env("SLUICE_DENO") ?? Deno.execPath();
  const common = { version: VERSION, deno };
  const denoDir = findDenoDir(env);
  if (main.endsWith(".mjs")) {
    const lib = dirname(main);
    return {
      ...common,
      isPacked: true,
      runProcess: {
        deno,
        entry: join(lib, "worker.mjs"),
        codeRoots: [lib],
        denoDir,
      },
      starterDir: join(lib, "starter"),
    };
  }
  const root = dirname(dirname(main));
  return {
    ...common,
    isPacked: false,
    runProcess: {
      deno,
      entry: join(root, "engine", "worker", "main.ts"),
      codeRoots: ["contract", "text", "connectors", "sql", "engine", "node_modules", "package.json"].map((
        part,
      ) => join(root, part)),
      denoDir,
    },
    starterDir: join(root, "examples", "starter"),
  };
}

/** Deno's own rule: a child without an environment cannot follow it and would start cold each time. */
function findDenoDir(env: (name: string) => string | undefined): string | undefined {
  const explicit = env("DENO_DIR");
  if (explicit) return explicit;
  const home = env("HOME");
  const cache = env("XDG_CACHE_HOME") ||
    (home ? join(home, ...(Deno.build.os === "darwin" ? ["Library", "Caches"] : [".cache"])) : undefined);
  return cache === undefined ? undefined : join(cache, "deno");
}
