import { join } from "node:path";
import type { GrantContext, Provision } from "../../grants/provide.ts";
import { pipelineSnapshots } from "../../snapshots/snapshot_files.ts";
import { warehousePath } from "../warehouses/warehouse_file.ts";
import type { ProcessGrant } from "./process_pool.ts";

/** Where runs keep what they spill; emptied at the start. */
export const spillFolder = (dataDir: string): string => join(dataDir, "tmp");

/** Whether the pipeline has a warehouse: some run of it has begun. */
export async function hasWarehouse(dataDir: string, pipeline: string): Promise<boolean> {
  try {
    return (await Deno.stat(warehousePath(dataDir, pipeline))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Which processes may carry out runs of the pipeline as it is provided for. */
export function grantOf(
  { dataDir, projectDir }: Pick<GrantContext, "dataDir" | "projectDir">,
  { grant: { permissions } }: Provision,
  pipeline: string,
): ProcessGrant {
  // The warehouse itself: a file whose making a kill cut off has to be cleared away.
  const own = [warehousePath(dataDir, pipeline), pipelineSnapshots(dataDir, pipeline)];
  const write = [...permissions.write, ...own];
  return { permissions: { ...permissions, write }, projectDir };
}
