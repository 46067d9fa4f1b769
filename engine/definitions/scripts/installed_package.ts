import { join } from "node:path";
import * as v from "valibot";
import type { PackageLock } from "./package_lock.ts";

const packageSchema = v.object({ name: v.string(), version: v.string() });

/** The folder of the package that a file of node_modules belongs to, or undefined for a file outside of it. */
export function packageFolder(path: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path.replaceAll("\\", "/"))?.[0];
}

/** Holds packages of node_modules against the project's lock. */
export class InstalledPackages {
  readonly #lock: PackageLock;
  readonly #found = new Map<string, Promise<string | undefined>>();

  constructor(lock: PackageLock) {
    this.#lock = lock;
  }

  /**
   * What is wrong with the package in `folder`, which an import that asks for `asked` (`zod@^4`) leads to; undefined
   * where it is the one that the lock names.
   */
  async fault(folder: string, asked?: string): Promise<string | undefined> {
    let known = this.#found.get(folder);
    if (known === undefined) this.#found.set(folder, known = this.#look(folder));
    const wrong = await known;
    if (wrong !== undefined || asked === undefined) return wrong;
    return await this.#faultOfRange(folder, asked);
  }

  async #look(folder: string): Promise<string | undefined> {
    const installed = await readPackage(folder);
    const { file, packages } = this.#lock;
    if (installed === undefined) return `${folder} has no readable package.json: run \`sluice deno install\``;
    const { name, version } = installed;
    if (file === undefined) {
      return `package "${name}" is not locked: run \`sluice deno install\`, which writes deno.lock, and commit that`;
    }
    if (packages.has(`${name}@${version}`)) return undefined;
    const others = [...packages].filter((one) => one.startsWith(`${name}@`))
      .map((one) => one.slice(name.length + 1));
    const locked = others.length === 0 ? "does not name it" : `names ${others.join(" and ")}`;
    return `node_modules has ${name} ${version}, and ${file} ${locked}: run \`sluice deno install\``;
  }

  /** Of `npm:zod@^4`: whether what is installed is what the lock gives for it. */
  async #faultOfRange(folder: string, asked: string): Promise<string | undefined> {
    const installed = await readPackage(folder);
    if (installed === undefined) return undefined;
    const { file, specifiers } = this.#lock;
    const range = asked.slice(asked.indexOf("@", 1) + 1);
    // npm's own lock has no list of what was asked for: an exact version can be told all the same.
    const version = file === "deno.lock"
      ? specifiers.get(asked)
      : /^\d+\.\d+\.\d+/.test(range)
      ? range
      : installed.version;
    if (version === installed.version) return undefined;
    const locked = version === undefined ? "does not have" : `has ${version} for`;
    return `node_modules has ${installed.name} ${installed.version}, and ${file} ${locked} npm:${asked}: ` +
      `run \`sluice deno add npm:${asked}\``;
  }
}

async function readPackage(folder: string): Promise<v.InferOutput<typeof packageSchema> | undefined> {
  try {
    return v.parse(packageSchema, JSON.parse(await Deno.readTextFile(join(folder, "package.json"))));
  } catch {
    return undefined;
  }
}
