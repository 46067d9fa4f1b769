import { join } from "node:path";
import type { StagedFile } from "./staged_file.ts";

/** Packages that load a native library, or start a program, by its place: they stay as they are beside the bundle. */
export const NATIVE_PACKAGES: readonly string[] = [
  "@duckdb/node-bindings",
  "@node-rs/argon2",
  "esbuild",
  "libsql",
];

/** What they need, by the package whose dependency it is. Only this platform's library is taken. */
function dependenciesOf(platform: Platform): Readonly<Record<string, readonly string[]>> {
  return {
    "@duckdb/node-bindings": [platform.duckdb],
    "@node-rs/argon2": [platform.argon2],
    esbuild: [platform.esbuild],
    libsql: ["@neon-rs/load", "detect-libc", platform.libsql],
  };
}

interface Platform {
  readonly argon2: string;
  readonly duckdb: string;
  readonly esbuild: string;
  readonly libsql: string;
}

/** Deno itself needs glibc on Linux, so there is no musl here. */
const PLATFORMS: Readonly<Record<string, Platform>> = {
  "linux x86_64": {
    argon2: "@node-rs/argon2-linux-x64-gnu",
    duckdb: "@duckdb/node-bindings-linux-x64",
    esbuild: "@esbuild/linux-x64",
    libsql: "@libsql/linux-x64-gnu",
  },
  "linux aarch64": {
    argon2: "@node-rs/argon2-linux-arm64-gnu",
    duckdb: "@duckdb/node-bindings-linux-arm64",
    esbuild: "@esbuild/linux-arm64",
    libsql: "@libsql/linux-arm64-gnu",
  },
  "darwin x86_64": {
    argon2: "@node-rs/argon2-darwin-x64",
    duckdb: "@duckdb/node-bindings-darwin-x64",
    esbuild: "@esbuild/darwin-x64",
    libsql: "@libsql/darwin-x64",
  },
  "darwin aarch64": {
    argon2: "@node-rs/argon2-darwin-arm64",
    duckdb: "@duckdb/node-bindings-darwin-arm64",
    esbuild: "@esbuild/darwin-arm64",
    libsql: "@libsql/darwin-arm64",
  },
};

/** The native packages as lib/node_modules, and the folders that they came from. */
export async function copyNativePackages(root: string): Promise<{ files: StagedFile[]; packages: string[] }> {
  const key = `${Deno.build.os} ${Deno.build.arch}`;
  const platform = PLATFORMS[key];
  if (platform === undefined) throw new Error(`There is no native library for ${key}`);
  const files: StagedFile[] = [];
  const packages: string[] = [];
  for (const [name, dependencies] of Object.entries(dependenciesOf(platform))) {
    const folder = await Deno.realPath(join(root, "node_modules", name));
    // The package's own dependencies are its neighbours in the node_modules that it stands in.
    const neighbours = folder.slice(0, -name.length);
    for (const each of [name, ...dependencies]) {
      const source = await Deno.realPath(join(neighbours, each));
      packages.push(source);
      files.push(...await readPackage(source, `lib/node_modules/${each}`));
    }
  }
  return { files, packages };
}

/** Types and manuals of a package are of no use at run time. */
async function readPackage(folder: string, target: string): Promise<StagedFile[]> {
  const files: StagedFile[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    const inside = `${target}/${entry.name}`;
    if (entry.name === "node_modules" || /\.(?:d\.ts|md|map)$/.test(entry.name)) continue;
    if (entry.isDirectory) files.push(...await readPackage(path, inside));
    else {
      const isExecutable = /\/@esbuild\/[^/]+\/bin\/esbuild$/.test(inside);
      files.push({ path: inside, content: await Deno.readFile(path), isExecutable });
    }
  }
  return files;
}
