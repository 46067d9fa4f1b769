import asc from "assemblyscript/asc";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * `deno task kernels`: compiles kernels/assembly/NAME.as, which is AssemblyScript, into
 * kernels/compiled/NAME.ts, which holds the WebAssembly as text. The same sources give the same bytes.
 */

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const LINE = 100;

/** The names of all kernels. */
export async function kernelNames(): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(join(FOLDER, "assembly")), ({ name }) => name);
  return entries.filter((name) => name.endsWith(".as")).map((name) => name.slice(0, -".as".length)).sort();
}

/** The module that kernels/compiled is to have for a kernel. Throws where it does not compile. */
export async function compileKernel(name: string): Promise<string> {
  const source = await Deno.readTextFile(join(FOLDER, "assembly", `${name}.as`));
  let wasm = new Uint8Array();
  const options = ["-O3", "--converge", "--noAssert", "--runtime", "stub", "--enable", "simd"];
  const { error, stderr } = await asc.main([`${name}.ts`, "--outFile", "kernel.wasm", ...options], {
    readFile: (file) => file === `${name}.ts` ? source : null,
    writeFile: (file, contents) => {
      if (file === "kernel.wasm" && typeof contents !== "string") wasm = Uint8Array.from(contents);
    },
    listFiles: () => [],
  });
  if (error !== null) throw new Error(stderr.toString(), { cause: error });
  return asModule(name, wasm);
}

function asModule(name: string, wasm: Uint8Array<ArrayBuffer>): string {
  const lines = wasm.toBase64().match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  const constant = `${name.toUpperCase()}_WASM`;
  return `/** Made by \`deno task kernels\` of kernels/assembly/${name}.as. */\nexport const ${constant} =\n` +
    `${lines.map((line) => `  "${line}"`).join(" +\n")};\n`;
}

if (import.meta.main) {
  for (const name of await kernelNames()) {
    const path = join(FOLDER, "compiled", `${name}.ts`);
    await Deno.writeTextFile(path, await compileKernel(name));
    console.log(`kernels/compiled/${name}.ts`);
  }
}
