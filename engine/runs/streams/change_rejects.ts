import { filledDefinition, sampleParams } from "../../../connectors/pipeline_params.ts";
import { AppError } from "../../../contract/errors.ts";
import type { RunFacts } from "../../../contract/connector/source.ts";
import type { Log } from "../../../contract/log.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { RejectChange, RejectsChange, StreamRejects } from "../../../contract/rejects.ts";
import { type Revision, splitFiles } from "../../../contract/revision.ts";
import { type GrantContext, provide } from "../../grants/provide.ts";
import { Redactor } from "../../grants/redact.ts";
import { followReports } from "../attempt/follow_reports.ts";
import { type AskedJob, withJobProcess } from "../attempt/job_process.ts";
import { hasWarehouse } from "../attempt/process_grant.ts";
import { warehousePath } from "../warehouses/warehouse_file.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";
import { redactRejects } from "../attempt/redact_reports.ts";
import type { RunProcessProgram } from "../attempt/spawn.ts";
import { onlyAsked } from "../loads/only_asked.ts";
import type { PublishedFolder } from "./published.ts";

export interface ChangeRejectsContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  readonly rejects: PublishedFolder<StreamRejects>;
  readonly warehouseKeys: WarehouseKeys;
  readonly log: Log;
}

export interface ChangeRejectsRequest extends RejectsChange {
  readonly pipeline: string;
  /** Or the step of a load. */
  readonly stream: string;
  /** Of a stream that is to be replayed. */
  readonly definition?: StreamDefinition | undefined;
  /** Of a load whose rows are to be sent again. */
  readonly load?: LoadOfRejects | undefined;
}

export interface LoadOfRejects {
  readonly revision: Pick<Revision, "definition" | "files" | "connectors">;
  /** The run that kept them. */
  readonly run: RunFacts;
}

/**
 * Replays, sends again or drops rejects in a process of its own, which may touch the pipeline's warehouse and, to send
 * rows again, the target of their load. No run of the pipeline may be under way. Throws `invalid` where nothing can be
 * replayed, `unavailable` where the warehouse is in use or the target takes nothing.
 */
export async function changeRejects(
  context: ChangeRejectsContext,
  request: ChangeRejectsRequest,
  signal: AbortSignal,
): Promise<RejectChange> {
  const { dataDir, runProcess, rejects, log } = context;
  const { pipeline, stream, action } = request;
  const subject = `Cannot ${action} the rejects of "${stream}"`;
  if (!await hasWarehouse(dataDir, pipeline)) {
    return { stream, replayed: 0, dropped: 0, left: 0, reason: null };
  }
  const { asked, redact } = await askedJob(context, request);
  return await withJobProcess(runProcess, asked, async (process, stderr) => {
    let change: RejectChange | undefined;
    await followReports(process, {
      redact,
      subject,
      log: (level, message) => log(level, message, { pipeline }),
      onReport: async (report) => {
        if (report.type === "rejects") {
          const found = redactRejects(redact, report.rejects);
          await rejects.put(pipeline, stream, found.count === 0 ? undefined : found);
        } else if (report.type === "rejects_changed") {
          const { reason } = report.change;
          change = { ...report.change, reason: reason === null ? null : redact(reason) };
        }
      },
    }, signal);
    if (change !== undefined) return change;
    throw new AppError("internal", `${subject}: the process that did it ended without a result`, {
      detail: redact(stderr.text),
    });
  });
}

/** The job with what its process may do: nothing but what is in the warehouse, unless rows are sent. */
async function askedJob(
  context: ChangeRejectsContext,
  { pipeline, stream, action, positions, definition, load }: ChangeRejectsRequest,
): Promise<{ readonly asked: AskedJob; readonly redact: (text: string) => string }> {
  const warehouseKey = await context.warehouseKeys.open(pipeline);
  const job = {
    kind: "rejects",
    action,
    stream,
    ...(positions === undefined ? {} : { positions }),
    ...(definition === undefined ? {} : { definition }),
    warehousePath: warehousePath(context.dataDir, pipeline),
    ...(warehouseKey === undefined ? {} : { warehouseKey }),
    projectDir: context.projectDir,
  } as const;
  const keys = warehouseKey === undefined ? [] : [warehouseKey.key];
  if (load === undefined) {
    return {
      asked: {
        job: { ...job, connectors: {}, duckdb: { directories: [], files: [] } },
        permissions: { hosts: [], read: [], write: [], deny: [] },
      },
      // It is handed no secret but that.
      redact: new Redactor(keys).redact,
    };
  }
  const { revision, run } = load;
  const { connectors: definitions } = revision;
  const pipelineDefinition = filledDefinition(context.connectors, revision, {
    ...sampleParams(revision.definition.params),
    ...run.params,
  });
  const { connectors, grant, answers, redactor } = await provide(context, {
    definition: onlyAsked(pipelineDefinition, stream),
    connectors: definitions,
    purpose: "run",
  });
  redactor.learn(keys);
  const { models, scripts } = splitFiles(revision.files);
  return {
    asked: {
      job: {
        ...job,
        load: { definition: pipelineDefinition, files: models, run },
        scripts,
        connectors,
        duckdb: grant.duckdb,
      },
      permissions: grant.permissions,
      answers,
    },
    redact: redactor.redact,
  };
}
