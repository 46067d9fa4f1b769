import { join } from "node:path";
import { isPython } from "../../../contract/pipeline/scripts.ts";
import type { Fault } from "../../../text/fault.ts";
import type { ProjectFiles } from "../read_files.ts";
import type { ScriptBundle } from "./bundle_script.ts";
import { type PackageLock, readPackageLock } from "./package_lock.ts";

interface Kept {
  readonly bundle: ScriptBundle;
  /** Of the files that say which packages there are. */
  readonly lockTexts: readonly string[];
  /** Sizes and times of the packages' files. */
  readonly packages: string;
}

/** The bundles of a project's scripts. Those whose files have not changed are not made again. */
export class ScriptBundles {
  /** By the script's path in its project. */
  readonly #kept = new Map<string, Kept>();

  /** Of one reading of a project: its files that name packages are read once, when the first script wants them. */
  of(files: ProjectFiles): ScriptsOfProject {
    return new ScriptsOfProject(files, this.#kept);
  }
}

export class ScriptsOfProject {
  readonly #files: ProjectFiles;
  readonly #kept: Map<string, Kept>;
  readonly #made = new Map<string, Promise<ScriptBundle | { readonly faults: readonly Fault[] }>>();
  #lock: Promise<PackageLock | { readonly faults: readonly Fault[] }> | undefined;

  constructor(files: ProjectFiles, kept: Map<string, Kept>) {
    this.#files = files;
    this.#kept = kept;
  }

  /** The bundle of the script at `path`, relative to the project; or what is wrong with what it is made of. */
  bundle(path: string): Promise<ScriptBundle | { readonly faults: readonly Fault[] }> {
    let made = this.#made.get(path);
    if (made === undefined) this.#made.set(path, made = this.#make(path));
    return made;
  }

  async #make(path: string): Promise<ScriptBundle | { readonly faults: readonly Fault[] }> {
    if (isPython(path)) return await this.#asItIs(path);
    this.#lock ??= readPackageLock(this.#files);
    const lock = await this.#lock;
    if ("faults" in lock) return lock;
    const key = join(this.#files.root, path);
    const kept = this.#kept.get(key);
    if (kept !== undefined && await this.#isFresh(kept, lock)) return kept.bundle;
    // Loaded with the first script: most projects have none, and what it stands on takes its time.
    const { bundleScript } = await import("./bundle_script.ts");
    const bundle = await bundleScript(this.#files, path, lock);
    if ("faults" in bundle) this.#kept.delete(key);
    else {
      const packages = await fingerprints(bundle.packageFiles);
      this.#kept.set(key, { bundle, lockTexts: lock.texts, packages });
    }
    return bundle;
  }

  /** Of a script in Python, whose functions show when it runs. */
  async #asItIs(path: string): Promise<ScriptBundle | { readonly faults: readonly Fault[] }> {
    const file = await this.#files.read(path);
    if (file === undefined || "fault" in file) {
      const message = "there is no such file";
      return { faults: [file?.fault ?? { file: path, line: 1, column: 1, message, severity: "error" }] };
    }
    const sources = [{ path, content: file.text }];
    return { code: file.text, exports: ["default", "write"], sources, packageFiles: [], warnings: [] };
  }

  async #isFresh({ bundle, lockTexts, packages }: Kept, lock: PackageLock): Promise<boolean> {
    if (lockTexts.join("\0") !== lock.texts.join("\0")) return false;
    for (const { path, content } of bundle.sources) {
      const file = await this.#files.read(path);
      if (file === undefined || "fault" in file || file.text !== content) return false;
    }
    return packages === await fingerprints(bundle.packageFiles);
  }
}

async function fingerprints(paths: readonly string[]): Promise<string> {
  const all = await Promise.all(paths.map(async (path) => {
    try {
      const { size, mtime, ino } = await Deno.stat(path);
      return [path, size, mtime?.getTime(), ino].join(" ");
    } catch {
      return `${path} unreadable`;
    }
  }));
  return all.join("\n");
}
