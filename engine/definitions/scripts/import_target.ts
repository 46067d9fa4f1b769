import { isBuiltin } from "node:module";
import { dirname, join, normalize } from "node:path/posix";
import { didYouMean } from "../../../text/suggest.ts";
import { SCRIPTS_FOLDER } from "../../../contract/project/project_paths.ts";

/** What scripts import their types from; deno.json leads it to the file of types in the project. */
export const TYPES_SPECIFIER = "sluice";

/** `specifier` as a bundler resolves it, `zod/mini`; `asked` is what a `npm:` one asks for, `zod@^4`. */
export interface PackageTarget {
  readonly kind: "package";
  readonly specifier: string;
  readonly name: string;
  readonly asked?: string;
}

/** What an import of a project's own module leads to. */
export type ImportTarget =
  /** A module of the project, as a path that is relative to it. */
  | { readonly kind: "own"; readonly path: string }
  | PackageTarget
  /** A module of the runtime, `node:crypto`. */
  | { readonly kind: "builtin"; readonly specifier: string }
  | { readonly kind: "refused"; readonly message: string };

/** Modules of Node that a sandbox without any permission has a use for. */
const PURE_BUILTINS: readonly string[] = [
  "assert",
  "assert/strict",
  "async_hooks",
  "buffer",
  "console",
  "constants",
  "crypto",
  "diagnostics_channel",
  "events",
  "path",
  "path/posix",
  "path/win32",
  "perf_hooks",
  "punycode",
  "querystring",
  "stream",
  "stream/consumers",
  "stream/promises",
  "stream/web",
  "string_decoder",
  "timers",
  "timers/promises",
  "url",
  "util",
  "util/types",
  "zlib",
];

const MODULE = /\.m?[jt]s$/;

/**
 * What `specifier` leads to in the module `importer`, a path relative to the project. `imports` is the map of
 * the project's deno.json. No I/O: whether it is there is not looked at.
 */
export function importTarget(
  specifier: string,
  importer: string,
  imports: ReadonlyMap<string, string>,
): ImportTarget {
  const mapped = mappedBy(imports, specifier);
  // What the map says is relative to the project, which deno.json stands in.
  return mapped === undefined
    ? targetOf(specifier, dirname(importer))
    : withTypes(specifier, targetOf(mapped, "."));
}

function withTypes(specifier: string, target: ImportTarget): ImportTarget {
  return specifier === TYPES_SPECIFIER ? onlyTypes(specifier) : target;
}

const onlyTypes = (specifier: string) =>
  refused(`"${specifier}" holds types only: write \`import type { … } from "${specifier}"\``);

function targetOf(specifier: string, folder: string): ImportTarget {
  if (specifier === TYPES_SPECIFIER) return onlyTypes(specifier);
  if (/^\.\.?(?:\/|$)/.test(specifier)) return ownTarget(specifier, folder);
  if (specifier.startsWith("npm:")) return npmTarget(specifier);
  if (isBuiltin(specifier)) return builtinTarget(specifier);
  if (specifier.startsWith("node:")) {
    const known = [...PURE_BUILTINS].map((name) => `node:${name}`);
    return refused(`the runtime has no module "${specifier}"${didYouMean(specifier, known)}`);
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(specifier)?.[1]?.toLowerCase();
  if (scheme === "http" || scheme === "https") {
    return refused(
      `"${specifier}" is on the network, and a script's modules are never fetched when it runs: ` +
        "install the package from npm by `sluice deno add npm:NAME`, or copy the module into scripts/",
    );
  }
  if (scheme === "jsr") {
    return refused(
      `"${specifier}" is of JSR, which is not read here: use a package of npm, or copy the module into scripts/`,
    );
  }
  if (scheme !== undefined || /^[/\\]/.test(specifier)) {
    return refused(
      `"${specifier}" cannot be imported: a script imports modules of scripts/ by relative paths (./name.ts), ` +
        "and packages of npm by their names",
    );
  }
  if (specifier.startsWith("#")) {
    return refused(`"${specifier}" cannot be imported: name the module by a relative path, as ./name.ts`);
  }
  return packageTarget(specifier);
}

function ownTarget(specifier: string, folder: string): ImportTarget {
  const path = normalize(join(folder, specifier));
  const segments = path.split("/");
  if (segments[0] !== SCRIPTS_FOLDER || segments.some((part) => part.startsWith("."))) {
    return refused(
      `"${specifier}" lies outside of ${SCRIPTS_FOLDER}/, or is hidden there: a script can take in only what is in ` +
        `that folder, so move the module into it`,
    );
  }
  if (segments.includes("node_modules")) {
    return refused(`"${specifier}" is a file of a package: import the package by its name`);
  }
  if (/\.d\.m?ts$/.test(path)) return onlyTypes(specifier);
  return { kind: "own", path };
}

/** `npm:@scope/name@^1.2/sub` */
function npmTarget(specifier: string): ImportTarget {
  const found = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?(\/.+)?$/.exec(specifier);
  const [, name, range, inside = ""] = found ?? [];
  if (name === undefined) return refused(`"${specifier}" is not the name of a package: as npm:zod@4.0.0`);
  const target = { kind: "package" as const, specifier: `${name}${inside}`, name };
  return range === undefined ? target : { ...target, asked: `${name}@${range}` };
}

function packageTarget(specifier: string): ImportTarget {
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0];
  if (name === undefined || specifier === "") return refused(`"${specifier}" is not the name of a module`);
  if (MODULE.test(specifier) && !specifier.includes("/")) {
    return refused(`"${specifier}" is no package: write "./${specifier}" for a module beside this one`);
  }
  return { kind: "package", specifier, name };
}

function builtinTarget(specifier: string): ImportTarget {
  const name = specifier.replace(/^node:/, "");
  if (PURE_BUILTINS.includes(name)) return { kind: "builtin", specifier: `node:${name}` };
  return refused(
    `"${specifier}" is of no use in a sandbox, which has no files, network and processes (requests go by ctx.fetch)`,
  );
}

/** An exact entry, or the longest that ends in a slash and begins the specifier. */
function mappedBy(imports: ReadonlyMap<string, string>, specifier: string): string | undefined {
  const exact = imports.get(specifier);
  if (exact !== undefined) return exact;
  const prefixes = [...imports.keys()].filter((key) => key.endsWith("/") && specifier.startsWith(key));
  const [longest] = prefixes.sort((a, b) => b.length - a.length);
  if (longest === undefined) return undefined;
  return `${imports.get(longest)}${specifier.slice(longest.length)}`;
}

function refused(message: string): ImportTarget {
  return { kind: "refused", message };
}
