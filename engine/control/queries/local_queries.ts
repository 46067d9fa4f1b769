import { sampleParams } from "../../../connectors/pipeline_params.ts";
import { environmentOf } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import type { ComparedSide } from "../../../contract/jobs/compare_job.ts";
import { quoteName } from "../../../contract/names.ts";
import { resolveParams } from "../../../contract/params/values.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { type RevisionFile, writtenFiles } from "../../../contract/revision.ts";
import { formatFault } from "../../../text/fault.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import type { CheckContext } from "../../definitions/check/check_context.ts";
import { loadProject } from "../../definitions/load.ts";
import { writeProject } from "../../definitions/plan/project_sources.ts";
import { previewModel, type PreviewModelContext } from "../../runs/queries/preview_model.ts";
import { QueryProcesses } from "../../runs/queries/query_processes.ts";
import { openScratchFolder } from "../../runs/warehouses/copies_folder.ts";
import type { CopyContext } from "../../runs/warehouses/copy_warehouse.ts";
import { KeptCopies } from "../../runs/warehouses/kept_copies.ts";
import type { Store } from "../../store/store.ts";
import type { ProjectSource } from "../models/port.ts";
import { revisionInForce } from "../pipeline_record.ts";
import { checkedWindow } from "../requests/run_window.ts";
import { Turns } from "../services/turns.ts";
import type { CompletionRequest, PreviewRequest, Queries, QueryLimits, QueryRequest } from "./port.ts";
import { openSources } from "./query_sources.ts";

export interface LocalQueriesContext extends CopyContext, Omit<PreviewModelContext, "copies"> {
  readonly store: Store;
  readonly checkContext: () => Pick<CheckContext, "connectors">;
}

const AT_ONCE = 4;
const WAITING = 40;
/** A run that is under way is waited for no longer. */
const WAIT_MS = 10_000;
const TIMEOUT_MS = 300_000;
const QUERY_MS = 120_000;
const EVERYTHING: QueryLimits = { mayRead: () => true };

/** Looks at the warehouses of a data folder, a few at a time. Disposing of it removes its copies. */
export class LocalQueries implements Queries, AsyncDisposable {
  readonly #context: LocalQueriesContext;
  readonly #copies: KeptCopies;
  readonly #processes: QueryProcesses;
  readonly #turns = new Turns({
    atOnce: AT_ONCE,
    waiting: WAITING,
    refusal: `${AT_ONCE} requests are being answered, and ${WAITING} more wait: try again in a moment`,
  });

  constructor(context: LocalQueriesContext) {
    this.#context = context;
    this.#copies = new KeptCopies(context);
    this.#processes = new QueryProcesses(context);
  }

  preview(request: PreviewRequest, signal: AbortSignal) {
    return this.#turns.take(async () => {
      const { pipeline, model, project, params = {}, limit, cells } = request;
      const window = request.window === undefined ? undefined : checkedWindow(request.window);
      const startedMs = performance.now();
      const { definition, files } = project === undefined
        ? await this.#inForce(pipeline)
        : await this.#ofProject(project, pipeline);
      const { asOfMs, ...found } = await previewModel({ ...this.#context, copies: this.#copies }, {
        pipeline,
        model,
        side: sideOf(definition, files, params),
        wanted: { limit, cells },
        windowStartMs: window?.startMs ?? null,
        windowEndMs: window?.endMs ?? null,
        waitMs: WAIT_MS,
        timeoutMs: TIMEOUT_MS,
      }, signal);
      return {
        pipeline,
        model,
        ...found,
        built: [...found.built],
        as_of: asOfMs === null ? null : new Date(asOfMs).toISOString(),
        duration_ms: Math.round(performance.now() - startedMs),
      };
    }, { signal });
  }

  query(request: QueryRequest, signal: AbortSignal, limits: QueryLimits = EVERYTHING) {
    return this.#turns.take(async () => {
      const { sql, limit, cells } = request;
      const startedMs = performance.now();
      const { sources, answer } = await this.#ask(request, { sql, wanted: { limit, cells } }, signal, limits);
      if (!("rows" in answer)) throw new AppError("internal", "The process of the query has told of no rows");
      return {
        ...answer.rows,
        sources: [...sources],
        duration_ms: Math.round(performance.now() - startedMs),
      };
    }, { signal });
  }

  complete(request: CompletionRequest, signal: AbortSignal, limits: QueryLimits = EVERYTHING) {
    return this.#turns.take(async () => {
      const { answer } = await this.#ask(request, { complete: request.sql }, signal, limits);
      if (!("completion" in answer)) {
        throw new AppError("internal", "The process of the query completes nothing");
      }
      const { start, words } = answer.completion;
      return { start, words: [...words, ...await this.#pipelinesLike(request.sql.slice(start), limits)] };
    }, { signal });
  }

  async #ask(
    { sql, pipeline }: CompletionRequest,
    asked: Parameters<QueryProcesses["ask"]>[1],
    signal: AbortSignal,
    { mayRead }: QueryLimits,
  ) {
    const opened = await openSources(
      { ...this.#context, copies: this.#copies },
      { sql, pipeline, mayRead },
      signal,
    );
    return { sources: opened.sources, answer: await this.#processes.ask(opened, asked, QUERY_MS, signal) };
  }

  async #pipelinesLike(begun: string, { mayRead }: QueryLimits): Promise<string[]> {
    if (begun === "") return [];
    const names = (await this.#context.store.pipelines.list()).map(({ name }) => name);
    return names.filter((name) => mayRead(name) && name.startsWith(begun))
      .map((name) => `${/^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name)}.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes[Symbol.asyncDispose]();
    await this.#copies[Symbol.asyncDispose]();
  }

  async #inForce(pipeline: string): Promise<Written> {
    const found = await revisionInForce(this.#context.store, pipeline);
    if (found === undefined) {
      throw new AppError(
        "not_found",
        `Nothing of the pipeline ${quoteName(pipeline)} is in force: apply it first`,
      );
    }
    const { definition, files } = found.revision;
    return { definition, files: writtenFiles(files) };
  }

  async #ofProject(project: ProjectSource, pipeline: string): Promise<Written> {
    if ("folder" in project) return await this.#inFolder(project.folder, pipeline);
    await using scratch = await openScratchFolder(this.#context.dataDir);
    const folder = `${scratch.path}/project`;
    await writeProject(folder, project.files);
    return await this.#inFolder(folder, pipeline);
  }

  async #inFolder(folder: string, name: string): Promise<Written> {
    const { connectors } = this.#context.checkContext();
    const { pipelines } = await loadProject(folder, {
      connectorTypes: connectors,
      environment: environmentOf(name),
    });
    const loaded = pipelines.find((one) => one.name === name);
    if (loaded === undefined) {
      const meant = didYouMeanOneOf(name, pipelines.map((one) => one.name));
      throw new AppError("not_found", `There is no pipeline ${quoteName(name)} in the project${meant}`);
    }
    const { definition, files, faults } = loaded;
    if (definition !== undefined) return { definition, files };
    const [fault] = faults;
    throw new AppError("invalid", fault === undefined ? `Cannot read ${loaded.path}` : formatFault(fault), {
      faults,
    });
  }
}

interface Written {
  readonly definition: PipelineDefinition;
  readonly files: readonly RevisionFile[];
}

/** Params without a value have one that is allowed: nothing else is known of them before a run. */
function sideOf(
  definition: PipelineDefinition,
  files: readonly RevisionFile[],
  given: Readonly<Record<string, unknown>>,
): Omit<ComparedSide, "build"> {
  const { params, extract, functions } = definition;
  return {
    definition: { params, functions },
    files,
    streams: Object.entries(extract).flatMap((
      [name, stream],
    ) => [name, ...childTablesOf(name, stream).map(({ table }) => table)]),
    params: resolveParams(params, { ...sampleParams(params), ...given }),
  };
}
