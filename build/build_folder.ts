import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stageProgram } from "./program_files.ts";

/**
 * `deno run -A build/build_folder.ts FOLDER`: the program as it ships, in a folder that is made, without deno and not packed:
 * what tests start, since it loads in half the time of a thousand modules.
 */
const [folder = ""] = Deno.args;
const { files } = await stageProgram(fileURLToPath(new URL("..", import.meta.url)));
for (const { path, content, isExecutable } of files) {
  const target = join(folder, path);
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.writeFile(target, content, { mode: isExecutable ? 0o755 : 0o644 });
}
