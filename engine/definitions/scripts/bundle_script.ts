import type { BuildOptions, Message } from "esbuild";
import { join } from "node:path";
import type { RevisionFile } from "../../../contract/revision.ts";
import { type Fault, MAX_FAULTS } from "../../../text/fault.ts";
import { formatBytes } from "../../../text/format.ts";
import type { ProjectFiles } from "../read_files.ts";
import { esbuildService } from "./esbuild_service.ts";
import { ModulesOfScript } from "./modules_of_script.ts";
import type { PackageLock } from "./package_lock.ts";

/** A script with all that it imports, in one module. */
export interface ScriptBundle {
  /** An ES module that imports nothing but modules of the runtime; its source map is in its last line. */
  readonly code: string;
  /** The names that it exports, `default` among them. */
  readonly exports: readonly string[];
  /** The project's own modules that went in, the script among them, as they are, in order of their paths. */
  readonly sources: readonly RevisionFile[];
  /** The files of packages that went in: absolute paths. */
  readonly packageFiles: readonly string[];
  readonly warnings: readonly Fault[];
}

/**
 * What a line of a bundle's source map begins with, so that the stack of an error names the user's own file:
 * `project:///scripts/orders.ts:12:3`.
 */
export const SOURCE_ROOT = "project:///";

/** It goes to the run's process and to the sandbox with each run, and stays in each revision. */
const MOST_BYTES = 10 * 1024 * 1024;

const OPTIONS = {
  bundle: true,
  write: false,
  metafile: true,
  format: "esm",
  platform: "node",
  target: "esnext",
  // "module" is what bundlers take; it is there by itself only where no other condition is named.
  conditions: ["deno", "module"],
  // Packages ask for it where they are loaded, and a sandbox may read no variable.
  define: { "process.env.NODE_ENV": '"production"' },
  // Else it is searched for, also above the project.
  tsconfigRaw: "{}",
  charset: "utf8",
  legalComments: "inline",
  sourcemap: "inline",
  sourcesContent: false,
  sourceRoot: SOURCE_ROOT,
  logLevel: "silent",
  logLimit: MAX_FAULTS,
  logOverride: { "unsupported-dynamic-import": "warning", "unsupported-require-call": "warning" },
} satisfies BuildOptions;

/** Of these warnings the sandbox makes errors: there is nothing that could be imported when the script runs. */
const ERRORS: ReadonlySet<string> = new Set([
  "unsupported-dynamic-import",
  "unsupported-require-call",
  "indirect-require",
]);

/**
 * Bundles the script at `path` (relative to the project, with `/`). What is wrong with it or what it imports
 * comes back as faults with their places. Reads nothing but scripts/ and node_modules/ of the project.
 */
export async function bundleScript(
  files: ProjectFiles,
  path: string,
  lock: PackageLock,
): Promise<ScriptBundle | { readonly faults: readonly Fault[] }> {
  const modules = new ModulesOfScript(files, path, lock);
  const { failure, result } = await esbuildService.use(async ({ build }) => {
    try {
      const result = await build({
        ...OPTIONS,
        absWorkingDir: files.root,
        entryPoints: [path],
        outfile: join(files.root, "script.mjs"),
        plugins: [modules.plugin],
      });
      return { result };
    } catch (error) {
      if (isBuildFailure(error)) return { failure: error };
      throw error;
    }
  });
  const { errors, warnings } = failure ?? result;
  const messages = [
    ...errors.map((message) => ({ message, severity: "error" as const })),
    ...warnings.filter(({ location }) => location === null || modules.isOwn(location.file))
      .map((message) => ({
        message,
        severity: ERRORS.has(message.id) ? "error" as const : "warning" as const,
      })),
  ];
  const faults = messages.map(({ message, severity }) => faultOf(message, severity, path));
  if (result === undefined || faults.some(({ severity }) => severity === "error")) return { faults };
  const [output] = result.outputFiles;
  const [described] = Object.values(result.metafile.outputs);
  if (output === undefined || described === undefined) throw new Error(`esbuild made nothing of ${path}`);
  if (output.contents.length > MOST_BYTES) {
    const message = `with all that it imports it is ${formatBytes(output.contents.length)} large: ` +
      `the limit is ${formatBytes(MOST_BYTES)}`;
    return { faults: [{ file: path, line: 1, column: 1, message, severity: "error" }] };
  }
  return {
    code: output.text,
    exports: described.exports,
    sources: modules.sources,
    packageFiles: modules.packageFiles,
    warnings: faults,
  };
}

interface BuildFailure {
  readonly errors: readonly Message[];
  readonly warnings: readonly Message[];
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors) && "warnings" in error;
}

function faultOf({ id, text, location }: Message, severity: Fault["severity"], script: string): Fault {
  const message = ERRORS.has(id)
    ? "what is imported has to be named by a plain text: all modules are put into the script before it runs"
    : text;
  if (location === null) return { file: script, line: 1, column: 1, message, severity };
  // Its columns count bytes of UTF-8 from 0.
  const before = new TextDecoder().decode(
    new TextEncoder().encode(location.lineText).subarray(0, location.column),
  );
  return { file: location.file, line: location.line, column: before.length + 1, message, severity };
}
