import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { Report, ScriptTrial } from "../../../contract/job.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { BUILT_IN_CONNECTORS, SCRIPT_CONNECTOR } from "../../../contract/pipeline/scripts.ts";
import { ownKeys, type PipelineDefinition, pipelineSchema } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { ParamValue } from "../../../contract/run.ts";
import type { Log } from "../../../contract/log.ts";
import { resolveParams } from "../../../sql/build/variables.ts";
import { type GrantContext, provide } from "../../grants/provide.ts";
import { followReports } from "../../runs/attempt/follow_reports.ts";
import { withJobProcess } from "../../runs/attempt/job_process.ts";
import type { RunProcessProgram } from "../../runs/attempt/spawn.ts";
import { loadProject } from "../load.ts";
import { ProjectFiles } from "../read_files.ts";
import { ScriptBundles } from "./script_bundles.ts";

/** What a script is tried with. */
export interface TrialRequest {
  /** As `scripts/orders.ts`. */
  readonly script: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** In place of those that the stream declares; undefined leaves those. */
  readonly hosts: readonly string[] | undefined;
  readonly secrets: readonly string[] | undefined;
  /** As the last checkpoint of a run before it. */
  readonly state: JsonValue | undefined;
  /** The most rows that are read. */
  readonly limit: number;
}

export interface TrialContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  readonly log: Log;
}

/** What came of it, and as which stream it ran; null where no pipeline names the script. */
export interface Trial extends ScriptTrial {
  readonly stream: { readonly pipeline: string; readonly name: string } | null;
}

/**
 * Runs one script of the project in its sandbox, with what the first stream that names it may do, and stores nothing.
 * Throws `invalid` with its faults for one that cannot be bundled, `forbidden` where the operator's policy refuses it,
 * and what the script itself fails with.
 */
export async function tryScript(
  context: TrialContext,
  request: TrialRequest,
  signal: AbortSignal,
): Promise<Trial> {
  const { script } = request;
  const files = await ProjectFiles.open(context.projectDir);
  const bundle = await new ScriptBundles().of(files).bundle(script);
  if ("faults" in bundle) throw new AppError("invalid", `${script} cannot be run`, { faults: bundle.faults });
  const found = await findStream(context, script);
  const stream = withAllowed(
    found?.stream ?? v.parse(pipelineSchema, {
      extract: { script: { connector: SCRIPT_CONNECTOR, script } },
    }).extract["script"],
    request,
  );
  const name = found?.name ?? "script";
  const definition: PipelineDefinition = { ...v.parse(pipelineSchema, {}), extract: { [name]: stream } };
  const connectors = {
    [SCRIPT_CONNECTOR]: BUILT_IN_CONNECTORS[SCRIPT_CONNECTOR] ?? { type: SCRIPT_CONNECTOR },
  };
  const { grant, answers, redactor } = await provide(context, { definition, connectors, purpose: "run" });
  const job = {
    kind: "script",
    name,
    stream,
    scripts: [{ path: script, content: bundle.code }],
    ...(request.state === undefined ? {} : { state: request.state }),
    limit: request.limit,
    run: {
      runId: "trial",
      pipeline: found?.pipeline ?? "trial",
      params: found === undefined ? request.params : resolveParams(found.params, request.params),
      windowStartMs: null,
      windowEndMs: Date.now(),
    },
    projectDir: context.projectDir,
    connectors,
    duckdb: grant.duckdb,
  } as const;
  const asked = { job, permissions: grant.permissions, answers };
  return await withJobProcess(context.runProcess, asked, async (process, stderr) => {
    let trial: ScriptTrial | undefined;
    const onReport = (report: Report) => void (report.type === "tried" && (trial = report));
    const { redact } = redactor;
    const isWhole = await followReports(process, { redact, log: context.log, onReport }, signal);
    if (isWhole && trial !== undefined) {
      return { ...trial, stream: found === undefined ? null : { pipeline: found.pipeline, name } };
    }
    throw new AppError("internal", `${script}: the process that ran it ended without a result`, {
      detail: redact(stderr.text),
    });
  });
}

interface FoundStream {
  readonly pipeline: string;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly params: PipelineDefinition["params"];
}

/** The first stream that names the script, in order of the pipelines' names. */
async function findStream(context: TrialContext, script: string): Promise<FoundStream | undefined> {
  const { pipelines } = await loadProject(context.projectDir, { connectorTypes: context.connectors });
  for (const { name: pipeline, definition } of pipelines) {
    if (definition === undefined) continue;
    for (const [name, stream] of Object.entries(definition.extract)) {
      if (stream.connector !== SCRIPT_CONNECTOR || ownKeys(stream)["script"] !== script) continue;
      return { pipeline, name, stream, params: definition.params };
    }
  }
  return undefined;
}

function withAllowed(
  stream: StreamDefinition | undefined,
  { hosts, secrets }: TrialRequest,
): StreamDefinition {
  if (stream === undefined) throw new AppError("internal", "A stream of a script has no definition");
  return {
    ...stream,
    ...(hosts === undefined ? {} : { hosts }),
    ...(secrets === undefined ? {} : { secrets }),
  };
}
