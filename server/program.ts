import { basename, delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Variables } from "../contract/settings/variables.ts";
import { ScriptSandboxes } from "../engine/runs/attempt/script_sandboxes.ts";
import type { RunProcessProgram } from "../engine/runs/attempt/spawn.ts";
import { VERSION } from "../contract/settings/version.ts";

/** What the program knows about itself: it runs from a checkout, or unpacked from the one file. */
export interface Program {
  readonly version: string;
  /** How a person calls it, for advice that can be typed: `sluice`, or `deno task sluice` in a checkout. */
  readonly command: string;
  /** Whether it came out of the one file. */
  readonly isPacked: boolean;
  /** The deno that runs it, and that `sluice deno` hands to users' scripts. */
  readonly deno: string;
  readonly runProcess: RunProcessProgram;
  /** Everything that it is made of, and its runtime's cache: no data of anybody. */
  readonly programPaths: readonly string[];
  /** The project that `sluice init` copies. */
  readonly starterDir: string;
  /** The file of the types that scripts import. */
  readonly scriptTypes: string;
  /** The definitions of APIs that `sluice add` knows. */
  readonly catalogueDir: string;
}

/**
 * Looks around the program's main module: `lib/app.mjs` of the unpacked file, `server/main.ts` of a
 * checkout. The one file's launcher says in SLUICE_DENO where its deno is.
 */
export function findProgram(mainUrl: string, env: Variables): Program {
  const main = fileURLToPath(mainUrl);
  const deno = env("SLUICE_DENO") ?? Deno.execPath();
  const common = { version: VERSION, deno };
  const denoDir = findDenoDir(env);
  const trust = trustVariables(env);
  if (main.endsWith(".mjs")) {
    const lib = dirname(main);
    return {
      ...common,
      command: invokedAs(env),
      isPacked: true,
      runProcess: {
        deno,
        entry: join(lib, "worker.mjs"),
        codeRoots: [lib],
        denoDir,
        trust,
        sandboxes: new ScriptSandboxes(deno, join(lib, "script_runner.mjs"), join(lib, "script_runner.py")),
      },
      programPaths: [dirname(lib), deno, ...cachePaths(denoDir)],
      starterDir: join(lib, "starter"),
      scriptTypes: join(lib, "script", "sluice.d.ts"),
      catalogueDir: join(lib, "catalogue"),
    };
  }
  const root = dirname(dirname(main));
  return {
    ...common,
    command: "deno task sluice",
    isPacked: false,
    runProcess: {
      deno,
      entry: join(root, "engine", "worker", "main.ts"),
      codeRoots: [...CODE_FOLDERS, "node_modules", "package.json"].map((part) => join(root, part)),
      denoDir,
      trust,
      sandboxes: new ScriptSandboxes(
        deno,
        join(root, "connectors", "script", "runner", "main.ts"),
        join(root, "connectors", "script", "python", "runner.py"),
      ),
    },
    // Not the whole checkout: the examples in it are projects.
    programPaths: [
      ...[...CODE_FOLDERS, "server", "ui", "build", "catalogue", "node_modules", "dist", ".git"],
      ...["package.json", "deno.json", "deno.lock", "tsconfig.json"],
    ].map((part) => join(root, part)).concat(deno, cachePaths(denoDir)),
    starterDir: join(root, "examples", "starter"),
    scriptTypes: join(root, "contract", "script", "sluice.d.ts"),
    catalogueDir: join(root, "catalogue"),
  };
}

/** What a run's process is made of. */
export const CODE_FOLDERS = ["contract", "text", "kernels", "connectors", "sql", "engine"];

const cachePaths = (denoDir: string | undefined): string[] => denoDir === undefined ? [] : [denoDir];

/**
 * The launcher hands on what it was called as: the bare name where the shell finds the file by it, else
 * the path from the root, since what is advised may be typed in another folder.
 */
function invokedAs(env: Variables): string {
  const path = env("SLUICE_COMMAND");
  if (path === undefined || path === "") return "sluice";
  const isFound = (env("PATH") ?? "").split(delimiter).includes(dirname(path));
  return isFound ? basename(path) : resolve(path);
}

/** Deno's own variables: what this process trusts, its runs do too. Their working folder is another one. */
function trustVariables(env: Variables): Record<string, string> {
  const file = env("DENO_CERT") || undefined;
  const stores = env("DENO_TLS_CA_STORE") || undefined;
  return {
    ...(file === undefined ? {} : { DENO_CERT: resolve(file) }),
    ...(stores === undefined ? {} : { DENO_TLS_CA_STORE: stores }),
  };
}

/** Deno's own rule: a child without an environment cannot follow it and would start cold each time. */
function findDenoDir(env: Variables): string | undefined {
  const explicit = env("DENO_DIR");
  if (explicit) return explicit;
  const home = env("HOME");
  const cache = env("XDG_CACHE_HOME") ||
    (home ? join(home, ...(Deno.build.os === "darwin" ? ["Library", "Caches"] : [".cache"])) : undefined);
  return cache === undefined ? undefined : join(cache, "deno");
}
