import * as v from "valibot";
import { PACKAGE_FILES } from "../../../contract/project/project_paths.ts";
import type { Fault } from "../../../text/fault.ts";
import type { ProjectFiles } from "../read_files.ts";

/** Which versions of packages a project's lock names, and where its deno.json leads imports. */
export interface PackageLock {
  /** The file; undefined where there is none. */
  readonly file: string | undefined;
  /** `zod@4.0.0` */
  readonly packages: ReadonlySet<string>;
  /** What an import asks for → the version that it gets: `zod@^4` → `4.0.0`; of deno.lock only. */
  readonly specifiers: ReadonlyMap<string, string>;
  readonly imports: ReadonlyMap<string, string>;
  /** Whether an installation goes into node_modules of the project. */
  readonly installsHere: boolean;
  /** The texts that all of this was read from, to tell whether they have changed. */
  readonly texts: readonly string[];
}

const denoLockSchema = v.object({
  specifiers: v.optional(v.record(v.string(), v.string()), {}),
  npm: v.optional(v.record(v.string(), v.unknown()), {}),
});
const packageLockSchema = v.object({
  packages: v.optional(v.record(v.string(), v.object({ version: v.optional(v.string()) })), {}),
});
const denoJsonSchema = v.object({
  imports: v.optional(v.record(v.string(), v.string()), {}),
  nodeModulesDir: v.optional(v.unknown()),
});

/** Reads the project's lock: deno.lock, and package-lock.json where that is not there. */
export async function readPackageLock(
  files: ProjectFiles,
): Promise<PackageLock | { readonly faults: Fault[] }> {
  const texts = new Map<string, string>();
  const faults: Fault[] = [];
  for (const path of PACKAGE_FILES) {
    const file = await files.read(path);
    if (file === undefined) continue;
    if ("fault" in file) faults.push(file.fault);
    else texts.set(path, file.text);
  }
  const parse = <T>(path: (typeof PACKAGE_FILES)[number], schema: v.GenericSchema<unknown, T>) => {
    const text = texts.get(path);
    if (text === undefined) return undefined;
    try {
      return v.parse(schema, JSON.parse(text));
    } catch (error) {
      const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      faults.push({ file: path, line: 1, column: 1, message, severity: "error" });
      return undefined;
    }
  };
  const { imports = {}, nodeModulesDir = "none" } = parse("deno.json", denoJsonSchema) ?? {};
  const deno = parse("deno.lock", denoLockSchema);
  const npm = deno === undefined ? parse("package-lock.json", packageLockSchema) : undefined;
  if (faults.length > 0) return { faults };
  return {
    file: deno !== undefined ? "deno.lock" : npm !== undefined ? "package-lock.json" : undefined,
    packages: new Set([...denoPackages(deno?.npm ?? {}), ...npmPackages(npm?.packages ?? {})]),
    specifiers: new Map(
      Object.entries(deno?.specifiers ?? {}).flatMap(([asked, version]) =>
        asked.startsWith("npm:") ? [[asked.slice("npm:".length), withoutPeers(version)] as const] : []
      ),
    ),
    imports: new Map(Object.entries(imports)),
    installsHere: texts.has("package.json") || (nodeModulesDir !== "none" && nodeModulesDir !== false),
    texts: PACKAGE_FILES.map((path) => texts.get(path) ?? ""),
  };
}

/** `vite@6.0.0_@types+node@25.9.9` → `vite@6.0.0` */
function denoPackages(npm: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(npm).map((key) => {
    const versionAt = key.indexOf("@", 1) + 1;
    return `${key.slice(0, versionAt)}${withoutPeers(key.slice(versionAt))}`;
  });
}

/** `node_modules/a/node_modules/b` with its version → `b@1.0.0` */
function npmPackages(packages: Readonly<Record<string, { version?: string | undefined }>>): string[] {
  return Object.entries(packages).flatMap(([path, { version }]) => {
    const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    return name === undefined || version === undefined ? [] : [`${name}@${version}`];
  });
}

/** A version as deno.lock has it, `1.8.0_valibot@1.5.0` → `1.8.0` */
const withoutPeers = (version: string): string => version.replace(/_.*$/, "");
