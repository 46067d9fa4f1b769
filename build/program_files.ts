import { join } from "node:path";
import { bundlePrograms } from "./bundle.ts";
import { copyNativePackages } from "./native_packages.ts";
import type { StagedFile } from "./staged_file.ts";
import { readTree } from "./tree.ts";

export interface ProgramFiles {
  /** All of them in `lib/`: the bundled program and what it needs beside it, but deno. */
  readonly files: StagedFile[];
  /** The folders of npm packages that went in. */
  readonly packages: readonly string[];
}

/** The program as it ships, made from the checkout at `root`. */
export async function stageProgram(root: string): Promise<ProgramFiles> {
  const { files: programs, packages: bundled } = await bundlePrograms(root);
  const { files: natives, packages: copied } = await copyNativePackages(root);
  return {
    files: [
      ...programs,
      ...natives,
      // "manual" takes lib/node_modules as it is and never installs.
      { path: "lib/deno.json", content: encode('{ "nodeModulesDir": "manual" }\n'), isExecutable: false },
      { path: "lib/package.json", content: encode('{ "type": "module" }\n'), isExecutable: false },
      ...await readTree(join(root, "examples", "starter"), "lib/starter"),
      ...await readTree(join(root, "contract", "script"), "lib/script"),
      ...await readTree(join(root, "catalogue"), "lib/catalogue"),
    ],
    packages: [...bundled, ...copied],
  };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
