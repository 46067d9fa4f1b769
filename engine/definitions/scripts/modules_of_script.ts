import type { OnLoadArgs, OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from "esbuild";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import type { RevisionFile } from "../../../contract/revision.ts";
import { formatBytes } from "../../../text/format.ts";
import type { ProjectFiles } from "../read_files.ts";
import { importTarget, type PackageTarget } from "./import_target.ts";
import { InstalledPackages, packageFolder } from "./installed_package.ts";
import type { PackageLock } from "./package_lock.ts";

/** Marks the questions that are for esbuild's own resolution. */
const OWN_RESOLUTION = Symbol("own resolution");
/** Of modules of the runtime that a CommonJS package requires: modules that give what require() would. */
const REQUIRED_BUILTIN = "required-builtin";
/** Of what those import. */
const IMPORTED_BUILTIN = "imported-builtin";
/** All of a script's packages together. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Decides what each import of a script leads to, and reads it: only files of scripts/ and node_modules/. */
export class ModulesOfScript {
  readonly #files: ProjectFiles;
  readonly #entry: string;
  readonly #lock: PackageLock;
  readonly #installed: InstalledPackages;
  readonly #sources = new Map<string, string>();
  readonly #packageFiles = new Set<string>();
  /** Where imports led: esbuild looks for modules by itself where an import is put together, as "./" + name. */
  readonly #resolved = new Set<string>();
  #bytes = 0;

  constructor(files: ProjectFiles, entry: string, lock: PackageLock) {
    this.#files = files;
    this.#entry = entry;
    this.#lock = lock;
    this.#installed = new InstalledPackages(lock);
  }

  get plugin(): Plugin {
    return {
      name: "modules-of-script",
      setup: (build) => {
        build.onResolve({ filter: /.*/ }, async (asked) => {
          const resolved = await this.#resolve(asked, build);
          if (resolved?.path !== undefined) this.#resolved.add(resolved.path);
          return resolved;
        });
        build.onLoad({ filter: /.*/, namespace: "file" }, (asked) => this.#load(asked));
        build.onLoad({ filter: /.*/, namespace: REQUIRED_BUILTIN }, ({ path }) => ({
          contents: `module.exports = require("${path}").default;`,
          loader: "js",
        }));
        build.onLoad({ filter: /.*/, namespace: IMPORTED_BUILTIN }, ({ path }) => ({
          contents: `export { default } from "${path}";`,
          loader: "js",
        }));
      },
    };
  }

  get sources(): RevisionFile[] {
    return [...this.#sources].map(([path, content]) => ({ path, content }))
      .sort((a, b) => a.path < b.path ? -1 : 1);
  }

  get packageFiles(): string[] {
    return [...this.#packageFiles];
  }

  /** Whether a path relative to the project is of the project's own modules, and not of a package. */
  isOwn(path: string): boolean {
    return packageFolder(join(this.#files.root, path)) === undefined;
  }

  async #resolve(asked: OnResolveArgs, build: PluginBuild): Promise<OnResolveResult | undefined> {
    if (asked.pluginData === OWN_RESOLUTION) return undefined;
    if (asked.kind === "entry-point") return { path: join(this.#files.root, this.#entry) };
    if (asked.namespace === REQUIRED_BUILTIN) return { path: asked.path, namespace: IMPORTED_BUILTIN };
    if (asked.namespace === IMPORTED_BUILTIN) return { path: asked.path, external: true };
    const importer = this.#relative(asked.importer);
    if (!this.isOwn(importer)) {
      return isBuiltin(asked.path) ? builtin(asked.path, asked.kind) : await this.#packageFile(asked, build);
    }
    const target = importTarget(asked.path, importer, this.#lock.imports);
    switch (target.kind) {
      case "refused":
        return { errors: [{ text: target.message }] };
      case "builtin":
        return builtin(target.specifier, asked.kind);
      case "own":
        return await this.#ownModule(target.path, asked);
      case "package":
        return await this.#packageFile(asked, build, target);
    }
  }

  async #ownModule(path: string, asked: OnResolveArgs): Promise<OnResolveResult> {
    const fault = (text: string) => ({ errors: [{ text }] });
    const isText = asked.with["type"] === "text";
    if (!isText && !/\.(?:m?[jt]s|json)$/.test(path)) {
      const others = ["ts", "js"].map((ending) => `${path}.${ending}`);
      for (const other of others) {
        if (await this.#files.read(other) === undefined) continue;
        return fault(`"${asked.path}" needs its ending: write "${asked.path}${other.slice(path.length)}"`);
      }
      return fault(
        `"${asked.path}" is no module: a script imports .ts, .js and .json, and other files with { type: "text" }`,
      );
    }
    const file = await this.#files.read(path);
    if (file === undefined) return fault(`"${asked.path}" leads to ${path}, which is not there`);
    if ("fault" in file) return fault(`"${asked.path}": ${path} ${file.fault.message}`);
    return { path: join(this.#files.root, path) };
  }

  /** A file of a package, or what is wrong with it. */
  async #packageFile(
    asked: OnResolveArgs,
    build: PluginBuild,
    target?: PackageTarget,
  ): Promise<OnResolveResult> {
    const specifier = target?.specifier ?? asked.path;
    const { path, errors, external, namespace, sideEffects, suffix } = await build.resolve(specifier, {
      kind: asked.kind,
      resolveDir: target === undefined ? asked.resolveDir : dirname(asked.importer),
      importer: asked.importer,
      with: asked.with,
      pluginData: OWN_RESOLUTION,
    });
    if (errors.length > 0) return { errors: [{ text: whyMissing(specifier, target, this.#lock) }] };
    if (external || namespace !== "file") return { path, external, namespace, sideEffects, suffix };
    const folder = packageFolder(path);
    if (folder === undefined || this.#isOutside(path)) {
      const text =
        `"${specifier}" leads out of the project's node_modules, to ${path}: install the package there by ` +
        "`sluice deno install`";
      return { errors: [{ text }] };
    }
    if (path.endsWith(".node")) {
      return {
        errors: [{ text: `"${specifier}" is native code (${this.#relative(path)}), which no sandbox runs` }],
      };
    }
    const text = await this.#installed.fault(folder, target?.asked);
    return text === undefined ? { path, sideEffects, suffix } : { errors: [{ text }] };
  }

  async #load({ path, with: attributes }: OnLoadArgs): Promise<OnLoadResult> {
    const name = this.#relative(path);
    if (!this.#resolved.has(path)) {
      const text =
        `it would import ${name} by a name that is put together when it runs: name what is imported by a ` +
        "plain text";
      return { errors: [{ text }] };
    }
    if (this.isOwn(name)) {
      const file = await this.#files.read(name);
      if (file === undefined || "fault" in file) {
        return { errors: [{ text: file === undefined ? "is not there" : file.fault.message }] };
      }
      this.#sources.set(name, file.text);
      if (attributes["type"] === "text") return { contents: file.text, loader: "text" };
      return {
        contents: file.text,
        loader: name.endsWith(".json") ? "json" : /\.m?ts$/.test(name) ? "ts" : "js",
      };
    }
    const contents = await Deno.readFile(path);
    this.#bytes += contents.length;
    if (this.#bytes > MOST_BYTES) {
      return { errors: [{ text: `the packages are more than ${formatBytes(MOST_BYTES)} together` }] };
    }
    this.#packageFiles.add(path);
    return { contents, loader: "default" };
  }

  #relative(path: string): string {
    return relative(this.#files.root, path).replaceAll(sep, "/");
  }

  #isOutside(path: string): boolean {
    const inside = this.#relative(path);
    return inside === ".." || inside.startsWith("../");
  }
}

/** A module of the runtime; require() of it becomes an import, since a sandbox has no require(). */
function builtin(specifier: string, kind: OnResolveArgs["kind"]): OnResolveResult {
  const path = specifier.startsWith("node:") ? specifier : `node:${specifier}`;
  return kind === "require-call" ? { path, namespace: REQUIRED_BUILTIN } : { path, external: true };
}

function whyMissing(
  specifier: string,
  target: PackageTarget | undefined,
  { installsHere }: PackageLock,
): string {
  if (target === undefined) return `"${specifier}" is not installed: run \`sluice deno install\``;
  const add = `\`sluice deno add npm:${target.asked ?? target.name}\``;
  if (!installsHere) {
    return `"${specifier}" is not to be found in node_modules: put "nodeModulesDir": "auto" into deno.json, then ${add}`;
  }
  return `"${specifier}" is not to be found in node_modules: where package.json or deno.json names "${target.name}", run ` +
    `\`sluice deno install\`; else ${add}`;
}
