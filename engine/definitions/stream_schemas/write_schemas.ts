import { join } from "node:path";
import { replaceFile, writeNewFile } from "../write_file.ts";
import { schemasPath, type StreamColumns, streamSchemasText } from "./schemas_file.ts";

/**
 * Writes schemas/<pipeline>.yaml of each pipeline, where it says something else; one without such streams needs none.
 * Returns the paths of those that were written.
 */
export async function writeStreamSchemas(
  projectDir: string,
  pipelines: readonly { readonly name: string; readonly columns: StreamColumns }[],
): Promise<string[]> {
  const changed: string[] = [];
  for (const { name, columns } of pipelines) {
    const path = schemasPath(name);
    const file = join(projectDir, path);
    const before = await textOf(file);
    const text = streamSchemasText(name, columns);
    if (text === before || (before === undefined && Object.keys(columns).length === 0)) continue;
    changed.push(path);
    if (before === undefined) await writeNewFile(file, text);
    else await replaceFile(file, before, text);
  }
  return changed;
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
