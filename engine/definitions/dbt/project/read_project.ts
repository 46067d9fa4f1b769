import { basename, dirname, join, relative } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { isRecord } from "../../../../text/is_record.ts";
import { parseYamlDocument } from "../../../../text/yaml_document.ts";

/** What is in the folder of a dbt project: its settings, its files by their kind, and its packages. */

export type Dict = Readonly<Record<string, unknown>>;

export interface DbtPackage {
  readonly name: string;
  /** Absolute. */
  readonly dir: string;
  /** dbt_project.yml. */
  readonly settings: Dict;
}

export interface DbtFile {
  readonly package: DbtPackage;
  /** From the project's folder, with `/`. */
  readonly path: string;
  /** Folders below models/, seeds/ and the like. */
  readonly folders: readonly string[];
  /** Without its ending. */
  readonly name: string;
  readonly text: string;
  /** Of a package that is not installed: only target/manifest.json has it. */
  readonly isCompiledOnly?: boolean;
}

export type FileKind = "models" | "seeds" | "snapshots" | "tests" | "macros" | "analyses";

export interface DbtProject {
  readonly root: DbtPackage;
  /** With the project itself, which comes last. */
  readonly packages: readonly DbtPackage[];
  readonly files: Readonly<Record<FileKind, readonly DbtFile[]>>;
  /** schema.yml and the like. */
  readonly properties: readonly DbtFile[];
  /** Texts of `{% docs %}`. */
  readonly docs: readonly DbtFile[];
  readonly profiles: Dict;
  /** target/catalog.json, where there is one that can be read. */
  readonly catalog: unknown;
  /** target/manifest.json. */
  readonly manifest: unknown;
  /** Packages that packages.yml names and that are not installed. */
  readonly missingPackages: readonly string[];
}

const PATHS: Readonly<Record<FileKind, { readonly keys: readonly string[]; readonly otherwise: string }>> = {
  models: { keys: ["model-paths", "source-paths"], otherwise: "models" },
  seeds: { keys: ["seed-paths", "data-paths"], otherwise: "seeds" },
  snapshots: { keys: ["snapshot-paths"], otherwise: "snapshots" },
  tests: { keys: ["test-paths"], otherwise: "tests" },
  macros: { keys: ["macro-paths"], otherwise: "macros" },
  analyses: { keys: ["analysis-paths"], otherwise: "analyses" },
};

const MAX_FILES = 20_000;
const MAX_BYTES = 50_000_000;
/** What dbt writes of a large project. */
const MAX_ARTIFACT_BYTES = 400_000_000;

/** Throws `not_found` where the folder has no dbt_project.yml, `invalid` for one that cannot be read. */
export async function readDbtProject(dir: string): Promise<DbtProject> {
  const root = await readPackage(dir);
  const installed = await readInstalled(root);
  const packages = [...installed, root];
  const files: Record<FileKind, DbtFile[]> = {
    models: [],
    seeds: [],
    snapshots: [],
    tests: [],
    macros: [],
    analyses: [],
  };
  const properties: DbtFile[] = [];
  const docs: DbtFile[] = [];
  for (const one of packages) {
    for (const kind of ["models", "seeds", "snapshots", "tests", "macros", "analyses"] as const) {
      if (one !== root && kind === "analyses") continue;
      for (const folder of pathsOf(one, kind)) {
        for (const file of await readFolder(root, one, folder)) {
          if (/\.ya?ml$/.test(file.path)) properties.push(file);
          else if (file.path.endsWith(".md")) docs.push(file);
          // Tests of a package are for those who work on it, apart from those that others name.
          else if (one === root || kind !== "tests" || file.folders[0] === "generic") files[kind].push(file);
        }
      }
    }
  }
  const names = new Set(installed.map(({ name }) => name));
  return {
    root,
    packages,
    files,
    properties,
    docs,
    profiles: await readProfiles(dir),
    catalog: await readArtifact(root, "catalog.json"),
    manifest: await readArtifact(root, "manifest.json"),
    missingPackages: (await namedPackages(dir)).filter((name) => !names.has(name)),
  };
}

async function readPackage(dir: string): Promise<DbtPackage> {
  const path = join(dir, "dbt_project.yml");
  const text = await readText(path) ?? await readText(join(dir, "dbt_project.yaml"));
  if (text === undefined) {
    throw new AppError(
      "not_found",
      `There is no dbt_project.yml in "${dir}": expected the folder of a dbt project`,
    );
  }
  const { value, faults: [fault] } = parseYamlDocument(text, path);
  if (!isRecord(value)) {
    throw new AppError(
      "invalid",
      `Cannot read "${path}": ${fault === undefined ? "it is empty" : fault.message}`,
    );
  }
  const name = value["name"];
  if (typeof name !== "string") throw new AppError("invalid", `Cannot read "${path}": it has no name`);
  return { name, dir, settings: value };
}

async function readInstalled(root: DbtPackage): Promise<DbtPackage[]> {
  const folder = root.settings["packages-install-path"];
  const installed = join(root.dir, typeof folder === "string" ? folder : "dbt_packages");
  const packages: DbtPackage[] = [];
  for (const name of await foldersOf(installed)) {
    const dir = join(installed, name);
    if (await readText(join(dir, "dbt_project.yml")) !== undefined) packages.push(await readPackage(dir));
  }
  return packages;
}

async function namedPackages(dir: string): Promise<string[]> {
  const names: string[] = [];
  for (const file of ["packages.yml", "dependencies.yml"]) {
    const text = await readText(join(dir, file));
    if (text === undefined) continue;
    const { value } = parseYamlDocument(text, file);
    const entries = isRecord(value) && Array.isArray(value["packages"]) ? value["packages"] : [];
    for (const entry of entries.filter(isRecord)) {
      const source = entry["package"] ?? entry["git"] ?? entry["local"] ?? entry["tarball"];
      const name = typeof source === "string"
        ? basename(source).replace(/\.git$/, "").replaceAll("-", "_")
        : "";
      if (name !== "") names.push(name.replace(/^dbt_(?=audit_helper$)/, ""));
    }
  }
  return names;
}

/** profiles.yml beside the project only: that of the home folder is somebody's own. */
async function readProfiles(dir: string): Promise<Dict> {
  const text = await readText(join(dir, "profiles.yml"));
  const value = text === undefined ? undefined : parseYamlDocument(text, "profiles.yml").value;
  return isRecord(value) ? value : {};
}

/** A file that dbt itself has written, parsed; undefined where there is none, or none that is JSON. */
async function readArtifact({ dir, settings }: DbtPackage, name: string): Promise<unknown> {
  const folder = settings["target-path"];
  const text = await readText(
    join(dir, typeof folder === "string" ? folder : "target", name),
    MAX_ARTIFACT_BYTES,
  );
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pathsOf({ settings }: DbtPackage, kind: FileKind): string[] {
  const { keys, otherwise } = PATHS[kind];
  for (const key of keys) {
    const paths = settings[key];
    if (Array.isArray(paths)) return paths.filter((path) => typeof path === "string");
  }
  return [otherwise];
}

async function readFolder(root: DbtPackage, of: DbtPackage, folder: string): Promise<DbtFile[]> {
  const base = join(of.dir, folder);
  if (relative(of.dir, base).startsWith("..")) return [];
  const found: DbtFile[] = [];
  const walk = async (dir: string): Promise<void> => {
    for (const entry of await entriesOf(dir)) {
      const path = join(dir, entry.name);
      if (entry.isDirectory) await walk(path);
      else if (entry.isFile && /\.(?:sql|py|ya?ml|csv|md)$/.test(entry.name)) {
        if (found.length >= MAX_FILES) {
          throw new AppError("invalid", `"${base}" has more than ${MAX_FILES} files`);
        }
        const text = await readText(path);
        if (text === undefined) continue;
        const inner = relative(base, dirname(path)).replaceAll("\\", "/");
        found.push({
          package: of,
          path: relative(root.dir, path).replaceAll("\\", "/"),
          folders: inner === "" ? [] : inner.split("/"),
          name: entry.name.replace(/\.\w+$/, ""),
          text,
        });
      }
    }
  };
  await walk(base);
  return found;
}

async function entriesOf(dir: string): Promise<Deno.DirEntry[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(dir));
    return entries.toSorted((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

async function foldersOf(dir: string): Promise<string[]> {
  return (await entriesOf(dir)).filter((entry) => entry.isDirectory || entry.isSymlink).map(({ name }) =>
    name
  );
}

/** Undefined where there is none. Throws `invalid` for a file that is too large. */
async function readText(path: string, maxBytes = MAX_BYTES): Promise<string | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size > maxBytes) throw new AppError("invalid", `"${path}" is larger than ${maxBytes} bytes`);
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
