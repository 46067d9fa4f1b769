import { join } from "node:path";

/** Copies a folder, without the entries of its top that `takes` turns down. */
export async function copy(
  from: string,
  to: string,
  takes: (name: string) => boolean = () => true,
): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (!takes(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copy(source, target);
    else await Deno.copyFile(source, target);
  }
}
