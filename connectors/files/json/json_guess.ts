import type { Scan } from "../../../contract/connector/source.ts";
import { AppError, GUESS_FAILED } from "../../../contract/errors.ts";
import { PLAIN_FORMAT } from "../../text_cast/value_format.ts";
import type { FileSet } from "../file_set.ts";
import { pathColumns } from "../read/path_columns.ts";
import { explainJson } from "./json_explain.ts";
import { JsonNode } from "./json_node.ts";
import { planJson } from "./json_plan.ts";
import { type JsonRelation, jsonRelation } from "./json_relation.ts";
import { endOfSurvey, type SurveyPieces, surveyPieces } from "./json_survey.ts";
import type { JsonSurvey } from "./surveyed.ts";

/**
 * DuckDB reads large files while they are surveyed: with the relation that their beginning makes, and in the end all of
 * them must make the same one, to the letter. Otherwise nothing that was read is kept.
 */

/** Smaller files are surveyed before there is much to be gained. */
const LEAST_BYTES = 16 * 1024 * 1024;
/** What a guess rests on: some 20,000 records. */
const BEGINNING_BYTES = 4 * 1024 * 1024;

/** Whether there is something to be gained. Files that have to be copied are read in the copying. */
export function mayGuess(set: FileSet, oddFiles: ReadonlySet<string>): boolean {
  const sizeBytes = set.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return set.mayGuess === true && set.setsAside !== true && oddFiles.size === 0 && sizeBytes >= LEAST_BYTES;
}

/** As scanJson() does, with a relation that is to be confirmed. */
export async function guessJson(
  set: FileSet,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "hasNoColumns" | "explain" | "prepare">> {
  const stop = new AbortController();
  const during = AbortSignal.any([signal, stop.signal]);
  const pieces = surveyPieces(set, new Set(), during, new JsonNode(), {});
  const guess = await guessFrom(set, pieces);
  if (guess.relation === undefined) {
    const { plan, sql, hasNoColumns, casts } = relationOf(set, await guess.rest());
    return { relation: sql, hasNoColumns, explain: (error) => explainJson(plan, casts, error) };
  }
  const { sql } = guess.relation;
  let survey: Promise<ReturnType<typeof relationOf>> | undefined;
  const goOn = () => survey ??= guess.rest().then((whole) => relationOf(set, whole));
  const confirm = async () => {
    const relation = await goOn();
    if (relation.sql !== sql) throw guessFailed(set);
    return relation;
  };
  return {
    relation: sql,
    hasNoColumns: false,
    async explain(error) {
      try {
        const { plan, casts } = await confirm();
        return await explainJson(plan, casts, error);
      } catch (reason) {
        if (reason instanceof AppError) return reason;
        throw reason;
      }
    },
    // What has to come from elsewhere is here by now: it comes sooner where nothing else is done meanwhile.
    prepare() {
      // Whoever confirms the guess hears of it.
      goOn().catch(() => {});
      return Promise.resolve({
        relation: sql,
        confirm: async () => void await confirm(),
        [Symbol.asyncDispose]() {
          stop.abort();
          return Promise.resolve();
        },
      });
    },
  };
}

/** What the beginning makes, as if all files had its layout (undefined where it makes nothing), and how to go on. */
async function guessFrom(
  set: FileSet,
  pieces: SurveyPieces,
): Promise<{ readonly relation: JsonRelation | undefined; readonly rest: () => Promise<JsonSurvey> }> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return { relation: undefined, rest: () => Promise.resolve(value) };
    if (value.bytesRead < BEGINNING_BYTES) continue;
    return { relation: relationAsFar(set, value), rest: () => endOfSurvey(pieces) };
  }
}

function relationAsFar(
  set: FileSet,
  { root, files: begun, maxRecordBytes }: JsonSurvey,
): JsonRelation | undefined {
  const layout = begun.find((file) => file.layout !== undefined)?.layout;
  const files = set.files.map((file, index) =>
    begun[index] ?? { file, compression: set.compressions[index] ?? "none", isOdd: false, layout }
  );
  try {
    const relation = relationOf(set, { root, files, maxRecordBytes });
    return relation.hasNoColumns ? undefined : relation;
  } catch (error) {
    // What is at fault, the survey of all files says.
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** What DuckDB is to read of files while more of them come. */
export interface RelationSoFar {
  /** Of the files that were asked for. */
  readonly relation: string;
  /** The same of the first file, for comparison: it differs where a column or a type does. */
  readonly types: string;
  /** As that of a scan. */
  explain(error: unknown): Promise<AppError>;
}

/** For the files from `from` on, by what is known so far. Throws as planJson() does. */
export function jsonSoFar(set: FileSet, survey: JsonSurvey, from: number): RelationSoFar {
  const plan = planJson(set, survey);
  const ofFiles = (files: JsonSurvey["files"], maxRecordBytes: number) =>
    jsonRelation({ ...plan, survey: { ...survey, files, maxRecordBytes } }, []);
  const { sql, casts } = ofFiles(survey.files.slice(from), survey.maxRecordBytes);
  return {
    relation: sql,
    types: ofFiles(survey.files.slice(0, 1), 0).sql,
    explain: (error) => explainJson(plan, casts, error),
  };
}

function relationOf(set: FileSet, survey: JsonSurvey) {
  const plan = planJson(set, survey);
  const extra = pathColumns(set, plan.columns.map(({ name }) => name), PLAIN_FORMAT);
  return { plan, ...jsonRelation(plan, extra) };
}

function guessFailed({ files: [first, second] }: FileSet): AppError {
  const shown = `"${first?.shown}"${second === undefined ? "" : " and the files behind it"}`;
  return new AppError(
    "unavailable",
    `What ${shown} begins with is not what all of it holds: it is read again, by the types of all records`,
    { reason: GUESS_FAILED },
  );
}
