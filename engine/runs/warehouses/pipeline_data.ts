import { join } from "node:path";
import { requirePathPart } from "../../../contract/names.ts";
import { pipelineSnapshots } from "../../snapshots/snapshot_files.ts";
import { BESIDE } from "./convert_warehouse.ts";
import { warehousePath } from "./warehouse_file.ts";

/** The files and folders of the data folder that hold rows of a pipeline. The warehouse is the first. */
function placesOf(dataDir: string, pipeline: string): readonly string[] {
  const path = warehousePath(dataDir, pipeline);
  return [
    path,
    `${path}.wal`,
    pipelineSnapshots(dataDir, pipeline),
    ...BESIDE.map((folder) => join(dataDir, folder, requirePathPart(pipeline))),
  ];
}

/** What the pipeline takes of the disk. */
export async function pipelineBytes(dataDir: string, pipeline: string): Promise<number> {
  const sizes = await Promise.all(placesOf(dataDir, pipeline).map(bytesOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Removes all that there is of its rows; no run of it may be under way. One that was killed is simply done again. */
export async function removePipelineData(dataDir: string, pipeline: string): Promise<void> {
  for (const path of placesOf(dataDir, pipeline)) {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

async function bytesOf(path: string): Promise<number> {
  try {
    const { isDirectory, size } = await Deno.lstat(path);
    if (!isDirectory) return size;
    const entries = await Array.fromAsync(Deno.readDir(path), ({ name }) => bytesOf(join(path, name)));
    return entries.reduce((sum, one) => sum + one, 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
