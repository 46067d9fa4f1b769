import { dirname, join } from "node:path";
import { type DbtProject, readDbtProject } from "../../engine/definitions/dbt/project/read_project.ts";

/** A dbt project of these files, in a folder that is there while `work` is. */
export async function withDbtProject<T>(
  files: Readonly<Record<string, string>>,
  work: (project: DbtProject, outDir: string) => T | Promise<T>,
): Promise<T> {
  const dir = await Deno.makeTempDir({ prefix: "sluice_dbt_" });
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(dir, dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(dir, path), text);
    }
    return await work(await readDbtProject(dir), join(dir, "out"));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
