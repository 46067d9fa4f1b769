import { basename, dirname } from "node:path";
import type { PublicationTarget, PublishedFile, StoredFile } from "../location.ts";

export type FindFile = (path: string) => Promise<StoredFile>;

/** Where a publication is built: hidden, beside its target and so on the same file system. Absolute. */
export function workPathOf(target: string): string {
  return `${dirname(target)}/.${basename(target)}.sluice`;
}

/** The folder inside of the work folder in which the new files are built. */
export const BUILT = "built";

/** All files under the folder but those named in `except`, by their sorted relative paths. Undefined where there is no folder. */
export async function filesUnder(
  folder: string,
  find: FindFile,
  except: readonly string[] = [],
): Promise<PublishedFile[] | undefined> {
  const paths: string[] = [];
  const visit = async (inside: string) => {
    for await (const entry of Deno.readDir(`${folder}/${inside}`)) {
      const path = `${inside}${entry.name}`;
      if (entry.isDirectory) await visit(`${path}/`);
      else if (!except.includes(path)) paths.push(path);
    }
  };
  try {
    await visit("");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return await Promise.all(
    paths.sort().map(async (path) => ({ path, file: await find(`${folder}/${path}`) })),
  );
}

/** What stat says of the target; undefined where there is nothing. */
export async function statTarget(target: PublicationTarget): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(target.path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
