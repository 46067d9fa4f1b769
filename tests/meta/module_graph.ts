import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The rooms of the house, whose imports have rules. */
export const ROOMS = ["text", "contract", "kernels", "connectors", "sql", "engine", "server", "ui"] as const;

export interface ModuleImports {
  /** Paths of our own modules, relative to the root, with `/`. */
  readonly own: readonly string[];
  /** npm packages by name. */
  readonly packages: readonly string[];
}

/** Every module of the rooms and what it imports, types and dynamic imports too, as `deno info` sees it. */
export async function readModuleGraph(): Promise<Map<string, ModuleImports>> {
  const files = (await Promise.all(ROOMS.map((room) => sourceFiles(room)))).flat();
  const folder = await Deno.makeTempDir();
  try {
    const entry = join(folder, "all.ts");
    await Deno.writeTextFile(
      entry,
      files.map((file) => `import ${JSON.stringify(pathToFileURL(join(ROOT, file)).href)};\n`).join(""),
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      // Else packages are named by the files that they lie in.
      args: ["info", "--json", "--node-modules-dir=auto", "--config", join(ROOT, "deno.json"), entry],
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(`deno info failed: ${decoder.decode(stderr)}`);
    return parseInfo(JSON.parse(decoder.decode(stdout)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What `deno info --json` prints, as far as it is read here. */
interface DenoInfo {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

function parseInfo(info: DenoInfo): Map<string, ModuleImports> {
  const graph = new Map<string, ModuleImports>();
  for (const { specifier, error, dependencies = [] } of info.modules) {
    const path = ownPath(specifier);
    if (path === undefined) continue;
    if (error !== undefined) throw new Error(`${path}: ${error}`);
    const targets = dependencies.flatMap(({ code, type }) => [code?.specifier, type?.specifier])
      .filter((target) => target !== undefined);
    graph.set(path, {
      own: [...new Set(targets.map(ownPath).filter((target) => target !== undefined))],
      packages: [...new Set(targets.map(packageName).filter((target) => target !== undefined))],
    });
  }
  return graph;
}

function ownPath(specifier: string): string | undefined {
  const root = pathToFileURL(ROOT).href;
  return specifier.startsWith(root) ? decodeURIComponent(specifier.slice(root.length)) : undefined;
}

/** `npm:@scope/name@1.0.0/sub` → `@scope/name`. */
function packageName(specifier: string): string | undefined {
  return /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(specifier)?.[1];
}

/** The TypeScript sources of a room, relative to the root. */
export async function sourceFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await sourceFiles(path));
    else if (/\.tsx?$/.test(entry.name)) files.push(path);
  }
  return files;
}
