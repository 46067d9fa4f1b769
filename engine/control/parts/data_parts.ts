import { NO_AUDIT } from "../../../contract/audit/entry.ts";
import { createRowCover } from "../../runs/streams/row_cover.ts";
import { isEncrypted } from "../../runs/warehouses/warehouse_file.ts";
import { LocalData } from "../data/published_data.ts";
import { PipelineLoads } from "../loads/pipeline_loads.ts";
import { PipelineQueries } from "../pipeline_queries.ts";
import { createPublishedFolders } from "../streams/published_folders.ts";
import { StreamRejectsPort } from "../streams/stream_rejects.ts";
import { createWarehouses, type Warehouses } from "../warehouses/local_warehouses.ts";
import type { PartsContext } from "./engine_context.ts";

/** What runs have left for reading: tables, streams, rejected and failed rows, loads, snapshots, warehouses. */
export interface DataParts {
  readonly folders: ReturnType<typeof createPublishedFolders>;
  readonly pipelines: PipelineQueries;
  readonly rejects: StreamRejectsPort;
  readonly loads: PipelineLoads;
  readonly data: LocalData;
  readonly warehouses: Warehouses;
}

export function createDataParts(context: PartsContext): DataParts {
  const { store, clock, dataDir, warehouseKeys, audit = NO_AUDIT } = context;
  const cover = createRowCover(warehouseKeys, (pipeline) => isEncrypted(dataDir, pipeline));
  const folders = createPublishedFolders(dataDir, cover);
  const pipelines = new PipelineQueries({ store, clock, ...folders });
  const rejects = new StreamRejectsPort({
    ...context,
    ...folders,
    streams: (pipeline) => pipelines.streams(pipeline),
    loads: (pipeline) => pipelines.loads(pipeline),
  });
  return {
    folders,
    pipelines,
    rejects,
    loads: new PipelineLoads({ ...context, verifications: folders.verifications }),
    data: new LocalData(context),
    warehouses: createWarehouses({ ...context, cover, audit }),
  };
}
