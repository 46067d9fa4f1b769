import { AppError } from "../../../contract/errors.ts";
import type { FormattedText } from "../../../contract/jobs/format_job.ts";
import type {
  LiveAnswers,
  LiveAsk,
  LiveReport,
  LiveSubject,
  SqlFunction,
} from "../../../contract/jobs/live_job.ts";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import type { Column } from "../../../contract/sql.ts";
import type { UnitTest } from "../../../contract/testing/unit_test.ts";
import { kindOf, modelName } from "../../../sql/language/files/kinds.ts";
import type { Fault } from "../../../text/fault.ts";
import { type CheckContext, placed } from "../check/check_context.ts";
import { filledSketch } from "../check/provide_check.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { piiFaults } from "../project/pii_faults.ts";
import { type LiveBudget, LiveProcess, LiveStopped } from "./live_process.ts";

/** So many processes may end over one check: each names one model that is left out from then on. */
const MOST_STOPS = 5;

/** What is known of a pipeline's models. */
export interface WarmResult {
  readonly found: readonly Fault[];
  readonly steps: readonly PipelineStep[];
  readonly modelColumns: Readonly<Record<string, readonly Column[]>>;
}

export interface WarmInput {
  readonly streamColumns: Readonly<Record<string, readonly Column[]>>;
  readonly tests: readonly UnitTest[];
  /** Whether something is other than it was the last time. */
  readonly isChanged: boolean;
}

interface Known {
  readonly loaded: LoadedPipeline;
  readonly input: WarmInput;
  readonly result: WarmResult;
  /** The files that its process has. */
  sent: ReadonlyMap<string, RevisionFile>;
  /** Which process that is; one that has ended has nothing. */
  process: LiveProcess;
}

/** A model at which a process had to be stopped, and why it is not looked at again before its text is another. */
interface Avoided {
  readonly content: string;
  readonly fault: Fault;
}

/** The checks of pipelines' SQL in a process that is kept, and started anew where it ends. */
export class WarmChecks implements AsyncDisposable {
  readonly #context: CheckContext;
  readonly #budget: LiveBudget;
  readonly #known = new Map<string, Known>();
  /** By pipeline and path. */
  readonly #avoided = new Map<string, Avoided>();
  #process: Promise<LiveProcess> | undefined;
  #functions: Promise<readonly SqlFunction[]> | undefined;
  #isDisposed = false;

  constructor(context: CheckContext, budget: LiveBudget) {
    this.#context = context;
    this.#budget = budget;
  }

  async check(loaded: LoadedPipeline, input: WarmInput): Promise<WarmResult> {
    const known = this.#known.get(loaded.name);
    if (known !== undefined && !input.isChanged) return known.result;
    if (loaded.sketch === undefined) {
      return { found: [], steps: known?.result.steps ?? [], modelColumns: known?.result.modelColumns ?? {} };
    }
    for (let modelsAtOnce: number | undefined, stops = 0;; stops += 1) {
      try {
        return await this.#checkOnce(loaded, input, modelsAtOnce);
      } catch (error) {
        if (!(error instanceof LiveStopped) || this.#isDisposed) throw error;
        const { place } = error;
        if (stops < MOST_STOPS && place?.isOneOfMany === true && modelsAtOnce === undefined) modelsAtOnce = 1;
        else if (stops >= MOST_STOPS || !this.#avoid(loaded, error)) {
          const message = `the check ${this.#reason(error)}`;
          return { ...known?.result ?? NOTHING, found: [{ file: loaded.path, message, severity: "error" }] };
        }
      }
    }
  }

  async lineage(pipeline: string): Promise<PipelineLineage> {
    return await this.#askOf(pipeline, { kind: "lineage", pipeline });
  }

  async columnsOf(pipeline: string, sql: string): Promise<readonly Column[]> {
    return await this.#askOf(pipeline, { kind: "columns", pipeline, sql });
  }

  /** They are the same for all processes. */
  functions(): Promise<readonly SqlFunction[]> {
    const asked = this.#functions ??= this.#ask({ kind: "functions" });
    asked.catch(() => this.#functions = undefined);
    return asked;
  }

  async format(text: string): Promise<FormattedText> {
    return await this.#ask({ kind: "format", text });
  }

  /** Lets go of the others. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const name of [...this.#known.keys()].filter((one) => !names.has(one))) {
      this.#known.delete(name);
      // Of one that has ended there is nothing to let go of.
      this.#ask({ kind: "forget", pipeline: name }).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    const process = await this.#process?.catch(() => undefined);
    await process?.[Symbol.asyncDispose]();
  }

  async #checkOnce(
    loaded: LoadedPipeline,
    input: WarmInput,
    modelsAtOnce: number | undefined,
  ): Promise<WarmResult> {
    const process = await this.#open();
    const before = this.#known.get(loaded.name);
    const sent = before?.process === process ? before.sent : new Map<string, RevisionFile>();
    const { subject, files, avoided } = this.#subjectOf(loaded, input, sent);
    const report = await process.ask<"check">({
      kind: "check",
      subject: modelsAtOnce === undefined ? subject : { ...subject, modelsAtOnce },
    });
    const columns = before?.result.modelColumns ?? {};
    const result: WarmResult = {
      found: [...faultsOf(loaded, report), ...avoided.map(({ fault }) => fault)],
      steps: report.steps ?? before?.result.steps ?? [],
      modelColumns: newColumns(columns, report, files),
    };
    this.#known.set(loaded.name, { loaded, input, result, sent: files, process });
    return result;
  }

  #subjectOf(loaded: LoadedPipeline, input: WarmInput, sent: ReadonlyMap<string, RevisionFile>) {
    if (loaded.sketch === undefined) throw new AppError("internal", "nothing can be checked of it");
    const { sketch } = filledSketch(this.#context, loaded, loaded.sketch);
    const avoided = sketch.files.flatMap(({ path, content }) => {
      const key = `${loaded.name}:${path}`;
      const known = this.#avoided.get(key);
      if (known !== undefined && known.content !== content) this.#avoided.delete(key);
      return known?.content === content ? [{ path, ...known }] : [];
    });
    const isAvoided = new Set(avoided.map(({ path }) => path));
    const files = new Map(
      sketch.files.filter(({ path }) => !isAvoided.has(path)).map((file) => [file.path, file]),
    );
    const subject: LiveSubject = {
      name: loaded.name,
      definition: sketch.definition,
      written: loaded.sketch.definition,
      changed: [...files.values()].filter(({ path, content }) => sent.get(path)?.content !== content),
      removed: [...sent.keys()].filter((path) => !files.has(path)),
      paths: [...files.keys()],
      connectors: loaded.connectors,
      mutedParams: sketch.mutedParams,
      refusedModels: [...sketch.refusedModels, ...[...isAvoided].map(modelName)],
      tests: input.tests,
      knownColumns: input.streamColumns,
      wantsLineage: loaded.piiRules !== undefined,
    };
    return { subject, files, avoided };
  }

  /** Whether a model was found whose SQL is not to be looked at again. */
  #avoid({ name, sketch }: LoadedPipeline, error: LiveStopped): boolean {
    const { place } = error;
    const file = sketch?.files.find(({ path }) => path === place?.file && kindOf(path) === "model");
    if (file === undefined || place?.isOneOfMany === true) return false;
    const message = `the check ${this.#reason(error)}; DuckDB computes constants when it reads the SQL, ` +
      "look for one that is large or takes long";
    const fault: Fault = { file: file.path, line: 1, column: 1, message, severity: "error" };
    this.#avoided.set(`${name}:${file.path}`, { content: file.content, fault });
    return true;
  }

  #reason({ stopped, place, detail }: LiveStopped): string {
    const at = place === undefined ? "" : ` at ${place.subject}`;
    if (stopped === "time") return `was stopped${at}: it took more than ${this.#budget.stallMs / 1000} s`;
    if (stopped === "died") return `ended without a result${at}: ${detail}`;
    return `was stopped${at}: it took more than ${Math.round(this.#budget.memoryBytes / 1e6)} MB of memory`;
  }

  /** Where the process is another one by now, it is given the pipeline first. */
  async #askOf<Kind extends "lineage" | "columns">(
    pipeline: string,
    ask: Extract<LiveAsk, { readonly kind: Kind }>,
  ): Promise<LiveAnswers[Kind]> {
    const known = this.#known.get(pipeline);
    if (known === undefined) {
      throw new AppError("not_found", `There is no pipeline "${pipeline}" whose models could be read`);
    }
    if (known.process !== await this.#open()) {
      await this.check(known.loaded, { ...known.input, isChanged: true });
    }
    return await this.#ask<Kind>(ask);
  }

  async #ask<Kind extends LiveAsk["kind"]>(
    ask: Extract<LiveAsk, { readonly kind: Kind }>,
  ): Promise<LiveAnswers[Kind]> {
    return await (await this.#open()).ask<Kind>(ask);
  }

  async #open(): Promise<LiveProcess> {
    if (this.#isDisposed) throw new AppError("cancelled", "The project is not checked any more");
    const process = await this.#process?.catch(() => undefined);
    if (process !== undefined && !process.isEnded) return process;
    const { runProcess, projectDir, log } = this.#context;
    this.#process = LiveProcess.start({ runProcess, projectDir, log, budget: this.#budget });
    return await this.#process;
  }
}

const NOTHING: WarmResult = { found: [], steps: [], modelColumns: {} };

function faultsOf(loaded: LoadedPipeline, { faults, lineage }: LiveReport): Fault[] {
  return [...faults.map((fault) => placed(loaded, fault)), ...piiFaults(loaded, lineage)];
}

/** A model that cannot be bound for a while keeps the columns that it had: who writes it wants to be told of them. */
function newColumns(
  before: Readonly<Record<string, readonly Column[]>>,
  { modelColumns }: LiveReport,
  files: ReadonlyMap<string, RevisionFile>,
): Record<string, readonly Column[]> {
  const models = new Set([...files.keys()].map(modelName));
  const changed = Object.entries(modelColumns).flatMap(([name, columns]) =>
    columns === null ? [] : [[name, columns] as const]
  );
  const kept = Object.entries(before).filter(([name]) => models.has(name));
  return Object.fromEntries([...kept, ...changed]);
}
