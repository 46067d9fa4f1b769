import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
import { VERSION } from "../contract/settings/version.ts";
import { packArchive } from "./archive.ts";
import { createLauncher } from "./launcher.ts";
import { collectLicenses } from "./licenses.ts";
import { stageProgram } from "./program_files.ts";
import type { StagedFile } from "./staged_file.ts";

/**
 * `deno task build`: makes dist/sluice, one file for this platform. It is a shell script with a
 * compressed archive behind it, which holds deno, the bundled program and its native libraries; at
 * its first start it unpacks itself into the user's cache. The same sources give the same bytes.
 */

/** The version that was measured and whose npm packages are whole; it goes into the file. */
const DENO_VERSION = "2.9.5";

if (Deno.version.deno !== DENO_VERSION) {
  console.error(
    `Build with deno ${DENO_VERSION}: this is ${Deno.version.deno}. npx -y deno@${DENO_VERSION} task build`,
  );
  Deno.exit(1);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const startedMs = performance.now();
const output = join(root, "dist", "sluice");
const payload = packArchive(await stage(root));
const sha256 = createHash("sha256").update(payload).digest("hex");
const launcher = createLauncher(await Deno.readTextFile(join(root, "build", "launcher.sh")), {
  id: `sluice-${VERSION}-${sha256.slice(0, 16)}`,
  sha256,
  sizeBytes: payload.length,
});
await writeExecutable(output, [launcher, payload]);
const sizeBytes = launcher.length + payload.length;
console.log(
  `dist/sluice  ${(sizeBytes / 1e6).toFixed(1)} MB  ${
    ((performance.now() - startedMs) / 1_000).toFixed(1)
  } s`,
);

/** Everything that goes into the archive. */
async function stage(root: string): Promise<StagedFile[]> {
  const { files, packages } = await stageProgram(root);
  return [
    { path: "bin/deno", content: await Deno.readFile(Deno.execPath()), isExecutable: true },
    ...files,
    {
      path: "LICENSES.txt",
      content: await collectLicenses(root, packages),
      isExecutable: false,
    },
  ];
}

async function writeExecutable(path: string, parts: readonly Uint8Array[]): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.tmp`;
  {
    using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
    for (const part of parts) {
      for (let written = 0; written < part.length;) written += await file.write(part.subarray(written));
    }
  }
  await Deno.chmod(temporary, 0o755);
  await Deno.rename(temporary, path);
}
