import type { Scan } from "../../../contract/connector/source.ts";
import type { Scratch } from "../../locations/scratch.ts";
import { readBytes } from "../compression.ts";
import type { FileSet } from "../file_set.ts";
import { type PathColumn, pathColumns } from "../read/path_columns.ts";
import { prepareScan } from "../read/prepare_scan.ts";
import { PLAIN_FORMAT } from "../../text_cast/value_format.ts";
import { explainJson } from "./json_explain.ts";
import { guessJson, mayGuess } from "./json_guess.ts";
import { type JsonPlan, planJson } from "./json_plan.ts";
import { JsonNode } from "./json_node.ts";
import { copyPlaced } from "./json_set_aside.ts";
import { jsonRelation } from "./json_relation.ts";
import { surveyJson } from "./json_survey.ts";

/**
 * The records of JSON files. `oddFiles`: those compressed in a way that DuckDB cannot read. Throws `invalid` with file and line for what is no JSON.
 */
export async function scanJson(
  set: FileSet,
  oddFiles: ReadonlySet<string>,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "hasNoColumns" | "explain" | "prepare">> {
  if (mayGuess(set, oddFiles)) return await guessJson(set, signal);
  const hooks = set.setsAside ? { onFault: () => {} } : {};
  const survey = set.survey ?? await surveyJson(set, oddFiles, signal, new JsonNode(), hooks);
  const plan = planJson(set, survey);
  const extra = pathColumns(set, plan.columns.map(({ name }) => name), PLAIN_FORMAT);
  const { sql, hasNoColumns, casts } = jsonRelation(plan, extra);
  const hasCopies = set.setsAside || plan.survey.files.some(({ isOdd }) => isOdd);
  const copy = set.setsAside ? copyPlaced : copyOdd;
  return {
    relation: sql,
    hasNoColumns,
    explain: (error) => explainJson(plan, casts, error),
    ...(hasCopies
      ? { prepare: (during) => prepareScan(scratchDir, (scratch) => copy(plan, extra, scratch, during)) }
      : {}),
  };
}

/** Writes the plain text of the files that DuckDB cannot read; returns the relation of all. */
async function copyOdd(
  plan: JsonPlan,
  extra: readonly PathColumn[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<string> {
  for (const { file, compression, isOdd } of plan.survey.files) {
    if (!isOdd) continue;
    await using copy = await scratch.create(file.localPath.slice(1));
    for await (const bytes of readBytes(file, compression, signal)) await copy.write(bytes);
  }
  return jsonRelation(plan, extra, { prefix: scratch.path }).sql;
}
