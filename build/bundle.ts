import { build, type Plugin, stop } from "esbuild";
import { join } from "node:path";
import { NATIVE_PACKAGES } from "./native_packages.ts";
import type { StagedFile } from "./staged_file.ts";

/** Programs of the file: a name in lib/ → the module it starts from. */
const PROGRAMS: Readonly<Record<string, string>> = {
  app: "server/main.ts",
  worker: "engine/worker/main.ts",
  read_thread: "engine/worker/read_thread/main.ts",
  functions: "engine/worker/functions/main.ts",
};

/** What runs inside the sandboxes of scripts: one file, with nothing beside it and nothing of ours in front of it. */
const SCRIPT_RUNNER = "connectors/script/runner/main.ts";
const PYTHON_RUNNER = "connectors/script/python/runner.py";

async function bundleRunner(root: string): Promise<StagedFile> {
  const { outputFiles: [file] } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, SCRIPT_RUNNER)],
    bundle: true,
    write: false,
    platform: "neutral",
    format: "esm",
    target: "es2024",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    charset: "utf8",
    logLevel: "warning",
  });
  if (file === undefined) throw new Error(`esbuild made nothing of ${SCRIPT_RUNNER}`);
  return { path: "lib/script_runner.mjs", content: file.contents, isExecutable: false };
}

/**
 * Bundles the programs and all they import but the native packages. What is imported lazily stays
 * in files of its own, so that a command loads only what it uses. `packages` are the folders of
 * npm packages that went in.
 */
export async function bundlePrograms(root: string): Promise<{ files: StagedFile[]; packages: string[] }> {
  try {
    const result = await build({
      absWorkingDir: root,
      entryPoints: Object.entries(PROGRAMS).map(([out, source]) => ({ out, in: join(root, source) })),
      outdir: join(root, "lib"),
      outExtension: { ".js": ".mjs" },
      chunkNames: "chunks/[name]-[hash]",
      bundle: true,
      splitting: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      target: "es2024",
      supported: { using: true },
      conditions: ["deno"],
      jsx: "automatic",
      jsxImportSource: "hono/jsx",
      external: [...NATIVE_PACKAGES],
      // CommonJS packages inside an ES module still want these.
      banner: {
        js: 'import { createRequire as createRequireOfBundle } from "node:module";' +
          "const require = createRequireOfBundle(import.meta.url), __dirname = import.meta.dirname;",
      },
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: "none",
      charset: "utf8",
      logLevel: "warning",
      plugins: [textImports, optionalAddons],
    });
    const files = result.outputFiles.map((file) => ({
      path: `lib/${file.path.slice(join(root, "lib").length + 1)}`,
      content: file.contents,
      isExecutable: false,
    }));
    files.push(await bundleRunner(root), {
      path: "lib/script_runner.py",
      content: await Deno.readFile(join(root, PYTHON_RUNNER)),
      isExecutable: false,
    });
    return { files, packages: packagesOf(Object.keys(result.metafile.inputs)) };
  } finally {
    await stop();
  }
}

/** `import style from "./style.css" with { type: "text" }`. */
const textImports: Plugin = {
  name: "text-imports",
  setup({ onLoad }) {
    onLoad(
      { filter: /.*/ },
      async ({ path, with: attributes }) =>
        attributes["type"] === "text"
          ? { contents: await Deno.readTextFile(path), loader: "text" }
          : undefined,
    );
  },
};

/** Addons that packages make at home and do without elsewhere, as ssh2's: no installation of ours makes them. */
const optionalAddons: Plugin = {
  name: "optional-addons",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/build\/Release\/\w+\.node$/ }, ({ path }) => ({ path, namespace: "no-addon" }));
    onLoad({ filter: /.*/, namespace: "no-addon" }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of this program`)})`,
      loader: "js",
    }));
  },
};

/** The package folders of bundled modules, as node_modules/.deno/hono@1.0.0/node_modules/hono. */
function packagesOf(inputs: readonly string[]): string[] {
  const packages = inputs.map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]);
  return [...new Set(packages.filter((path) => path !== undefined))];
}
