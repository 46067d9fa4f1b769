import * as v from "valibot";
import type { CopyOptions } from "../../../contract/connector.ts";
import type { FileLoad } from "./file_load.ts";
import { shownPath } from "../../locations/disk/paths.ts";
import { streamOptionsSchema } from "../options.ts";
import { scanFiles } from "../read/scan.ts";

/**
 * What a target holds now, as a relation for a merge. CSV values and partitions stay the text that
 * they are, so that kept rows are written again as they were.
 */
export async function existingRelation(
  load: FileLoad,
  paths: readonly string[],
  base: string,
): Promise<NonNullable<CopyOptions["existing"]>> {
  const { target, request, format, compression, options, signal } = load;
  const files = await Promise.all(paths.map(async (path) => ({
    path,
    shown: shownPath(target.root, path),
    sizeBytes: (await Deno.stat(path)).size,
  })));
  const streamOptions = v.parse(streamOptionsSchema, {
    header: options.header,
    ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter }),
    all_text: true,
    hive_partitioning: options.partition_by !== undefined,
  });
  const compressions = files.map(() => compression);
  const { relation } = await scanFiles(
    { root: target.root, base, files, format, compressions, options: streamOptions, isHiveText: true },
    signal,
  );
  return { relation, primaryKey: request.primaryKey };
}
