import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { ScriptTrial } from "../../../contract/jobs/script_job.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { type LoadDefinition, loadTargets } from "../../../contract/pipeline/load.ts";
import { inputsOf } from "../../../contract/pipeline/parents.ts";
import {
  BUILT_IN_CONNECTORS,
  SCRIPT_CONNECTOR,
  withBuiltInConnectors,
} from "../../../contract/pipeline/scripts.ts";
import { ownKeys, type PipelineDefinition, pipelineSchema } from "../../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { ParamValue } from "../../../contract/run.ts";
import type { Log } from "../../../contract/log.ts";
import { listWords } from "../../../text/suggest.ts";
import { resolveParams } from "../../../contract/params/values.ts";
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
  /** Files of rows that it is given, absolute paths, by the names of the streams that they stand for; null for its first. */
  readonly inputs: readonly { readonly stream: string | null; readonly path: string }[];
  /** The most rows that are read. */
  readonly limit: number;
}

export interface TrialContext extends GrantContext {
  readonly runProcess: RunProcessProgram;
  readonly log: Log;
}

/** What came of it, and as which stream or load it ran; null where no pipeline names the script. */
export interface Trial extends ScriptTrial {
  readonly stream: { readonly pipeline: string; readonly name: string } | null;
  readonly load?: { readonly pipeline: string; readonly name: string } | null;
}

/** The connector that reads the files of rows; a project can have none of its name. */
const INPUT_CONNECTOR = "_sluice_input";

/**
 * Runs one script of the project in its sandbox, with what the first stream or load that names it may do, and stores
 * nothing. Throws `invalid` with its faults for one that cannot be bundled, `forbidden` where the operator's policy
 * refuses it or a file that it is given, and what the script itself fails with.
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
  const use = await useOf(context, request, bundle.exports);
  const { name, found } = use;
  const inputs = Object.fromEntries(
    use.inputs.map(({ stream, path }) => [stream, { connector: INPUT_CONNECTOR, path }]),
  );
  const parsed = v.parse(pipelineSchema, { extract: inputs });
  const definition: PipelineDefinition = {
    ...parsed,
    extract: { ...parsed.extract, ...(use.kind === "stream" ? { [name]: use.stream } : {}) },
    load: use.kind === "load" ? { [name]: use.load } : {},
  };
  const connectors = {
    [SCRIPT_CONNECTOR]: BUILT_IN_CONNECTORS[SCRIPT_CONNECTOR] ?? { type: SCRIPT_CONNECTOR },
    ...(use.inputs.length === 0 ? {} : { [INPUT_CONNECTOR]: { type: "file" } }),
  };
  const { grant, answers, redactor } = await provide(context, { definition, connectors, purpose: "run" });
  const job = {
    kind: "script",
    name,
    ...(use.kind === "stream" ? { stream: use.stream } : { load: use.load }),
    ...(use.inputs.length === 0 ? {} : { inputs: parsed.extract }),
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
      const place = found === undefined ? null : { pipeline: found.pipeline, name };
      return use.kind === "stream" ? { ...trial, stream: place } : { ...trial, stream: null, load: place };
    }
    throw new AppError("internal", `${script}: the process that ran it ended without a result`, {
      detail: redact(stderr.text),
    });
  });
}

/** Where a pipeline names the script. */
interface Found<Use> {
  readonly pipeline: string;
  readonly name: string;
  readonly use: Use;
  readonly params: PipelineDefinition["params"];
}

/** As what a script is tried. */
type TrialUse =
  & {
    readonly name: string;
    readonly found: Found<unknown> | undefined;
    readonly inputs: readonly { readonly stream: string; readonly path: string }[];
  }
  & (
    | { readonly kind: "stream"; readonly stream: StreamDefinition }
    | { readonly kind: "load"; readonly load: LoadDefinition }
  );

/** As a load where it takes rows and gives none, or where a load names it and no stream does. Throws `invalid`. */
async function useOf(
  context: TrialContext,
  request: TrialRequest,
  exported: readonly string[],
): Promise<TrialUse> {
  const { script } = request;
  const { streams, loads } = await findUses(context, script);
  const [stream, load] = [streams[0], loads[0]];
  const isLoad = exported.includes("write") &&
    (!exported.includes("default") || stream === undefined && load !== undefined);
  if (!isLoad) {
    const written = stream?.use ?? parsedUse({ extract: { script: { script } } }).extract["script"];
    if (written === undefined) throw new AppError("internal", "A stream of a script has no definition");
    const names = inputsOf(written);
    const inputs = namedInputs(request, names.length === 0 ? ["input"] : names);
    const given = names.length > 0 || inputs.length === 0 ? {} : { input: inputs[0]?.stream };
    return {
      kind: "stream",
      name: stream?.name ?? "script",
      stream: { ...written, ...given, ...allowed(request) },
      found: stream,
      inputs,
    };
  }
  if (request.inputs.length === 0) {
    throw new AppError(
      "invalid",
      `${script} takes rows: give it some by --input, as --input data/orders.csv`,
    );
  }
  const written = load?.use ?? loadTargets(parsedUse({ load: { rows: { script } } }).load["rows"] ?? [])[0];
  if (written === undefined) throw new AppError("internal", "A load of a script has no definition");
  return {
    kind: "load",
    name: load?.name ?? "script",
    load: { ...written, ...allowed(request) },
    found: load,
    inputs: namedInputs(request, ["input"]),
  };
}

const parsedUse = (written: Record<string, unknown>): PipelineDefinition =>
  v.parse(pipelineSchema, withBuiltInConnectors(written));

const allowed = ({ hosts, secrets }: TrialRequest) => ({
  ...(hosts === undefined ? {} : { hosts }),
  ...(secrets === undefined ? {} : { secrets }),
});

/** The files by the streams that they stand for. Throws `invalid` for one of no such stream, and where one of several lacks. */
function namedInputs(
  { inputs, script }: TrialRequest,
  names: readonly string[],
): { readonly stream: string; readonly path: string }[] {
  const named = inputs.map(({ stream, path }) => ({ stream: stream ?? names[0] ?? "input", path }));
  const wrong = named.find(({ stream }, index) =>
    !names.includes(stream) || named.findIndex((other) => other.stream === stream) !== index
  );
  if (wrong !== undefined) {
    throw new AppError("invalid", `--input: ${script} takes one file for each of ${listWords(names, "and")}`);
  }
  const missing = names.find((name) => !named.some(({ stream }) => stream === name));
  if (named.length === 0 || missing === undefined) return named;
  throw new AppError("invalid", `${script} takes rows of ${missing} too: add --input ${missing}=FILE`);
}

/** The streams and loads that name the script, in order of the pipelines' names. */
async function findUses(context: TrialContext, script: string): Promise<{
  readonly streams: readonly Found<StreamDefinition>[];
  readonly loads: readonly Found<LoadDefinition>[];
}> {
  const { pipelines } = await loadProject(context.projectDir, { connectorTypes: context.connectors });
  const isOurs = (use: StreamDefinition | LoadDefinition) =>
    use.connector === SCRIPT_CONNECTOR && ownKeys(use)["script"] === script;
  const streams: Found<StreamDefinition>[] = [];
  const loads: Found<LoadDefinition>[] = [];
  for (const { name: pipeline, definition } of pipelines) {
    if (definition === undefined) continue;
    const { params } = definition;
    for (const [name, use] of Object.entries(definition.extract)) {
      if (isOurs(use)) streams.push({ pipeline, name, use, params });
    }
    for (const [name, targets] of Object.entries(definition.load)) {
      const use = loadTargets(targets).find(isOurs);
      if (use !== undefined) loads.push({ pipeline, name, use, params });
    }
  }
  return { streams, loads };
}
