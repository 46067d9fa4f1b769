import { filledDefinition, sampleParams } from "../../../connectors/pipeline_params.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import { followedConnectors } from "../../../contract/pipeline/followed_streams.ts";
import type { ReadableRevision } from "../../../contract/revision.ts";
import { type GrantContext, provide } from "../../grants/provide.ts";
import { answering } from "./answers.ts";
import type { Store } from "../../store/store.ts";
import { grantOf, hasWarehouse } from "./process_grant.ts";
import { warehousePath } from "../warehouses/warehouse_file.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";
import type { ProcessPool } from "./process_pool.ts";

export interface LetGoContext extends GrantContext {
  readonly store: Pick<Store, "revisions">;
  readonly processes: ProcessPool;
  readonly warehouseKeys: WarehouseKeys;
  readonly log: Log;
}

/**
 * Lets go of what systems keep for a pipeline that is no more, as the replication slot of streams that were
 * followed, in a process with what its last revision was granted. Its warehouse stays as it is. Never throws:
 * what could not be done is logged, with what to do.
 */
export async function letGoOf(context: LetGoContext, revision: ReadableRevision): Promise<void> {
  const { pipeline } = revision;
  const params = sampleParams(revision.definition.params);
  const follows = followedConnectors(revision.definition).length > 0;
  if (!follows || !await hasWarehouse(context.dataDir, pipeline)) return;
  const { log, projectDir, processes } = context;
  try {
    const definition = filledDefinition(context.connectors, revision, params);
    const connectors = await context.store.revisions.connectors(revision.id);
    const provision = await provide(context, { definition, connectors, purpose: "run" });
    const { redact } = provision.redactor;
    const warehouseKey = await context.warehouseKeys.open(pipeline);
    if (warehouseKey !== undefined) provision.redactor.learn([warehouseKey.key]);
    const started = await processes.start(grantOf(context, provision, pipeline), {
      kind: "run",
      runId: `removed ${pipeline}`,
      attempt: 1,
      pipeline,
      definition: { ...definition, extract: {}, load: {} },
      isRemoved: true,
      files: [],
      params: {},
      select: null,
      fullRefresh: false,
      windowStartMs: null,
      windowEndMs: 0,
      isWindowGiven: false,
      range: null,
      projectDir,
      warehousePath: warehousePath(context.dataDir, pipeline),
      ...(warehouseKey === undefined ? {} : { warehouseKey }),
      connectors: provision.connectors,
      duckdb: provision.grant.duckdb,
    }, () => {});
    await using process = answering(started, provision.answers);
    for await (const report of process.reports) {
      if (report.type === "log") log(report.level, redact(report.message), { pipeline });
      if (report.type !== "finished") continue;
      if (report.error !== null) log("warn", couldNot(redact(report.error.message)), { pipeline });
      await process.close();
    }
  } catch (error) {
    log("warn", couldNot(toAppError(error).message), { pipeline });
  }
}

const couldNot = (reason: string): string =>
  `what the systems of a removed pipeline may keep for it, as replication slots, could not be dropped: ${reason}`;
