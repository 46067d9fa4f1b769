import { dirname } from "node:path";
import * as v from "valibot";
import type { PreparedScan } from "../../../contract/connector/source.ts";
import type { Location, Published } from "../../locations/location.ts";
import { streamOptionsSchema } from "../options.ts";
import { scanFiles } from "../read/scan.ts";
import { loadOfFile } from "./part_name.ts";
import type { FileTargetPlan } from "./target_plan.ts";

/**
 * What a target holds now, as a relation for a merge; undefined where it holds nothing. CSV values and
 * partitions stay the text that they are, so that kept rows are written again as they were.
 */
export async function existingRelation(
  plan: FileTargetPlan,
  current: Published | undefined,
  { location, scratchDir }: { readonly location: Pick<Location, "pathSql">; readonly scratchDir: string },
  signal: AbortSignal,
): Promise<PreparedScan | undefined> {
  const { target, root, format, compression, options } = plan;
  const files = (current?.files ?? [])
    .filter(({ path }) => target.kind === "file" || loadOfFile(path) !== undefined)
    .map(({ file }) => file);
  if (files.length === 0) return undefined;
  const streamOptions = v.parse(streamOptionsSchema, {
    header: options.header,
    null: options.null,
    ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter }),
    all_text: true,
    hive_partitioning: options.partition_by !== undefined,
  });
  const base = target.kind === "file" ? dirname(target.path) : target.path;
  const compressions = files.map(() => compression);
  const scan = await scanFiles(
    {
      root,
      base,
      pathSql: (local) => location.pathSql(local),
      files,
      format,
      compressions,
      options: streamOptions,
      isHiveText: true,
    },
    scratchDir,
    signal,
  );
  return await scan.prepare?.(signal) ??
    { relation: scan.relation, [Symbol.asyncDispose]: () => Promise.resolve() };
}
