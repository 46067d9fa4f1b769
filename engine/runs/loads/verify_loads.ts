import { join } from "node:path";
import { filledDefinition, sampleParams } from "../../../connectors/pipeline_params.ts";
import type { Connector } from "../../../contract/connector/connector.ts";
import { type LoadDefinition, loadTargets } from "../../../contract/pipeline/load.ts";
import { namedLoads } from "../../../contract/pipeline/named_loads.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import type { ParamValue } from "../../../contract/run.ts";
import { AppError } from "../../../contract/errors.ts";
import type { KnownLoad } from "../../../contract/jobs/verify_job.ts";
import type { Log } from "../../../contract/log.ts";
import { type Revision, splitFiles } from "../../../contract/revision.ts";
import type { LoadVerification } from "../../../contract/loads/verification.ts";
import { type GrantContext, provide } from "../../grants/provide.ts";
import { answering } from "../attempt/answers.ts";
import { followReports, StderrLines } from "../attempt/follow_reports.ts";
import { spillFolder } from "../attempt/process_grant.ts";
import { warehousePath } from "../warehouses/warehouse_file.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";
import { type RunProcessProgram, spawnRunProcess } from "../attempt/spawn.ts";
import { onlyAsked } from "./only_asked.ts";

export interface VerifyLoadsContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  readonly warehouseKeys: WarehouseKeys;
  readonly log: Log;
}

export interface VerifyLoadsRequest {
  readonly pipeline: string;
  readonly revision: Pick<Revision, "definition" | "files" | "connectors">;
  /** As a user names it; null for all. */
  readonly load: string | null;
  /** Of loads that have succeeded, by their steps. */
  readonly receipts: Readonly<Record<string, KnownLoad>>;
  /** The name of its folder among those where runs spill: it holds the rows that loads would send. */
  readonly folder: string;
}

const PRIVATE_FOLDER = 0o700;

/**
 * Reads the targets of a pipeline's loads back in a process that may reach those and the pipeline's warehouse,
 * and nothing else; what it finds of a load goes to `onVerified` at once. Throws what keeps it from coming to the
 * end: `unavailable` where the warehouse is in use, the signal's reason.
 */
export async function verifyLoads(
  context: VerifyLoadsContext,
  { pipeline, revision, load, receipts, folder }: VerifyLoadsRequest,
  onVerified: (verification: LoadVerification) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { projectDir, dataDir, log } = context;
  const filled = filledLoads(context.connectors, revision, receipts);
  const definition = onlyAsked(filled, load);
  const provision = await provide(context, { definition, connectors: revision.connectors, purpose: "run" });
  const { redact } = provision.redactor;
  const warehouseKey = await context.warehouseKeys.open(pipeline);
  if (warehouseKey !== undefined) provision.redactor.learn([warehouseKey.key]);
  const tempDir = join(spillFolder(dataDir), folder);
  await Deno.mkdir(tempDir, { recursive: true, mode: PRIVATE_FOLDER });
  try {
    const stderr = new StderrLines();
    const spawned = await spawnRunProcess(
      context.runProcess,
      {
        kind: "verify",
        pipeline,
        definition: filled,
        files: splitFiles(revision.files).models,
        load,
        receipts,
        warehousePath: warehousePath(dataDir, pipeline),
        ...(warehouseKey === undefined ? {} : { warehouseKey }),
        projectDir,
        tempDir: join(tempDir, "spill"),
        connectors: provision.connectors,
        duckdb: provision.grant.duckdb,
      },
      provision.grant.permissions,
      stderr.take,
    );
    await using process = answering(spawned, provision.answers);
    const isWhole = await followReports(process, {
      redact,
      log: (level, message) => log(level, message, { pipeline }),
      onReport: async (report) => {
        if (report.type === "verified") await onVerified(redacted(report.verification, redact));
      },
    }, signal);
    if (isWhole) return;
    const message = `Cannot verify the loads of "${pipeline}": the process that did it ended early`;
    throw new AppError("internal", message, { detail: redact(stderr.text) });
  } finally {
    await Deno.remove(tempDir, { recursive: true });
  }
}

/** Each load as the run had it that last loaded there: the others have had no params yet. */
function filledLoads(
  types: readonly Connector[],
  revision: VerifyLoadsRequest["revision"],
  receipts: VerifyLoadsRequest["receipts"],
): PipelineDefinition {
  const samples = sampleParams(revision.definition.params);
  const filled = (params: Readonly<Record<string, ParamValue>>) =>
    filledDefinition(types, revision, { ...samples, ...params });
  const all = filled({});
  const targets = new Map<string, LoadDefinition[]>();
  for (const { table, step } of namedLoads(revision.definition.load)) {
    const known = receipts[step];
    const { load } = known === undefined ? all : filled(known.params);
    const list = targets.get(table) ?? [];
    const own = loadTargets(load[table] ?? [])[list.length];
    if (own !== undefined) targets.set(table, [...list, own]);
  }
  return { ...all, load: Object.fromEntries(targets) };
}

function redacted(verification: LoadVerification, redact: (text: string) => string): LoadVerification {
  return { ...verification, message: redact(verification.message), notes: verification.notes.map(redact) };
}
