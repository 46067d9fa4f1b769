import { filledDefinition, sampleParams } from "../../../connectors/pipeline_params.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { CheckReport, CheckSubject } from "../../../contract/jobs/check_job.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import { isWildcard } from "../../../contract/pipeline/wildcard.ts";
import {
  PUBLISHED_CONNECTOR,
  publishedNameText,
  publishedReads,
  type SnapshotInputs,
} from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import type { Answers } from "../../grants/answer_questions.ts";
import type { CheckContext } from "../check/check_context.ts";
import { runCheckProcess } from "../processes/check_process.ts";
import { DEFAULT_BUDGET } from "../processes/process_budget.ts";
import type { PlanSide } from "./plan_side.ts";

/** No connection is opened, but for the one that has the columns of published models with it. */
const ANSWERS: Answers = {
  answer: (question) => {
    const { id } = question;
    return Promise.resolve(
      question.type === "config" && question.connector === PUBLISHED_CONNECTOR
        ? { type: "config", id, config: {} }
        : { type: "refused", id, error: { code: "forbidden", message: "A plan opens no connection" } },
    );
  },
  forgetSecrets: () => {},
  [Symbol.dispose]: () => {},
};

export interface Uncompiled {
  /** Tells the sides of one process apart. */
  readonly name: string;
  /** The pipeline whose sides stand one behind the other: what is the same in both is bound once. */
  readonly pipeline: string;
  readonly side: PlanSide;
  /** Columns of its raw tables. */
  readonly columns: Readonly<Record<string, readonly Column[]>>;
  /** Published models that it reads, as far as they are known; where it is left out, so are the streams that read them. */
  readonly published?: SnapshotInputs;
}

/** What binds sides: no source is asked, so nothing of what they name is reached. */
export type CompileContext = Pick<
  CheckContext,
  "connectors" | "runProcess" | "projectDir" | "log" | "checkBudget"
>;

/**
 * Binds the models of each side against the columns of its raw tables, in one process that may read nothing but the
 * program. Returns what was found, by name; an error's text where the process came to no end.
 */
export async function compileSides(
  context: CompileContext,
  sides: readonly Uncompiled[],
  signal: AbortSignal,
  { wantsLineage = false }: { readonly wantsLineage?: boolean } = {},
): Promise<ReadonlyMap<string, CheckReport> | string> {
  if (sides.length === 0) return new Map();
  const budget = context.checkBudget ?? DEFAULT_BUDGET;
  try {
    const end = await runCheckProcess({
      program: context.runProcess,
      projectDir: context.projectDir,
      subjects: sides.map((side) => subjectOf(context, side)),
      scripts: [],
      wantsLineage,
      connectors: sides.some(({ published }) => published !== undefined)
        ? { [PUBLISHED_CONNECTOR]: { type: PUBLISHED_CONNECTOR } }
        : {},
      answers: ANSWERS,
      grant: {
        permissions: { hosts: [], read: [], write: [], deny: [] },
        duckdb: { directories: [], files: [] },
      },
      budget,
      redact: (text) => text,
      log: context.log,
    }, signal);
    if ("reports" in end) return new Map(end.reports.map((report) => [report.name, report]));
    const at = end.place === undefined ? "" : ` at ${end.place.subject}`;
    const why = end.stopped === "time"
      ? `it took more than ${budget.timeMs / 1000} s`
      : end.stopped === "memory"
      ? `it took more than ${Math.round(budget.memoryBytes / 1e6)} MB of memory`
      : end.detail;
    return `the models could not be compiled${at}: ${why}`;
  } catch (error) {
    signal.throwIfAborted();
    return `the models could not be compiled: ${toAppError(error).message}`;
  }
}

/** With all streams muted whose columns are those that are known. */
function subjectOf(
  { connectors }: CompileContext,
  { name, pipeline, side, columns, published }: Uncompiled,
): CheckSubject {
  const definition = asFarAsKnown(connectors, side);
  const asked = new Set(
    publishedReads(definition).flatMap((read) =>
      published !== undefined && publishedNameText(read) in published ? [read.stream] : []
    ),
  );
  const streams = Object.entries(definition.extract).filter(([, stream]) => !isWildcard(stream));
  const own = streams.filter(([stream]) => !asked.has(stream)).flatMap((
    [stream, entry],
  ) => [stream, ...childTablesOf(stream, entry).map(({ table }) => table)]);
  // What a wildcard stands for is known by the columns that runs have seen.
  const others = streams.length === Object.keys(definition.extract).length ? [] : Object.keys(columns);
  return {
    name,
    versionOf: pipeline,
    definition: {
      ...definition,
      // Whether rows may go straight on is for `check` to say.
      extract: Object.fromEntries(streams.map(([stream, entry]) => [stream, { ...entry, store: true }])),
      load: others.length === 0 ? definition.load : {},
    },
    files: side.files,
    mutedStreams: [...new Set([...own, ...others])].filter((stream) => !asked.has(stream)),
    mutedParams: [],
    refusedModels: [],
    ...(published === undefined ? {} : { published }),
    knownColumns: columns,
  };
}

function asFarAsKnown(types: CompileContext["connectors"], { definition, connectors }: PlanSide) {
  try {
    return filledDefinition(
      types,
      { definition, connectors: connectors ?? {} },
      sampleParams(definition.params),
    );
  } catch {
    return definition;
  }
}
