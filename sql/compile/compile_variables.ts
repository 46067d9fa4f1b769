import type { DefinitionFault } from "../../contract/jobs/check_job.ts";
import type { Fault } from "../../text/fault.ts";
import type { ParamDefinitions } from "../../contract/params/definition.ts";
import { nameKey } from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import { isByWindow } from "../build/batches.ts";
import { RUN_VARIABLES } from "../build/variables.ts";
import { checkStep } from "../language/checks/check.ts";
import { checkFault } from "../language/checks/check_place.ts";
import type { GraphAnalysis } from "../language/graph/analyze_graph.ts";
import type { OwnedCheck } from "./compile_checks.ts";
import { headerPlace, type Model } from "../language/model.ts";
import type { ParseTree, VariableReference } from "../language/parse_tree.ts";
import { placeAt } from "../language/position.ts";

export interface VariablesInput {
  readonly models: readonly Model[];
  readonly params: ParamDefinitions;
  /** Params of which only the names are known. */
  readonly unknownParams?: readonly string[];
}

/** Variables of models and their checks that nothing sets: each would be NULL without a word. */
export function variableFaults(
  { trees, checkTrees }: Pick<GraphAnalysis, "trees" | "checkTrees">,
  { models, params, unknownParams = [] }: VariablesInput,
  checks: readonly OwnedCheck[],
): (Fault | DefinitionFault)[] {
  const known = knownVariables({ params, unknownParams });
  const ofModels = models.flatMap((model) =>
    (trees.get(model.name)?.variables ?? []).flatMap(({ name, position }) => {
      const place = position === undefined ? { file: model.path } : placeAt(model.sql, position, model.path);
      const partial = partialFault(model, name);
      if (partial !== undefined) return [{ ...place, message: partial, severity: "error" as const }];
      const found = variableFault(name, known, model.updateKey === undefined ? NO_CURSOR : undefined);
      return found === undefined ? [] : [{ ...place, ...found }];
    })
  );
  const ofChecks = checks.flatMap(({ check, model }) =>
    (checkTrees.get(checkStep(check))?.variables ?? []).flatMap(({ name, position }) => {
      const found = variableFault(name, known, CHECK_CURSOR);
      if (found === undefined) return [];
      const { message, severity } = found;
      return [{ ...checkFault(check, model, `${check.label}: ${message}`, position), severity }];
    })
  );
  const ephemeral = new Set(
    models.filter(({ materialized }) => materialized === "ephemeral").map(({ name }) => nameKey(name)),
  );
  const unseen = models.flatMap((model) => {
    const tree = trees.get(model.name);
    return tree === undefined ? [] : unseenWindow(model, tree, ephemeral);
  });
  return [...ofModels, ...ofChecks, ...unseen];
}

/** A model that is built by windows, whose query is the same for each of them. */
function unseenWindow(
  model: Model,
  { variables, tables }: ParseTree,
  ephemeral: ReadonlySet<string>,
): Fault[] {
  if (!isByWindow(model) && model.batchSize === undefined) return [];
  const sees = variables.some(({ name = "" }) => /^window_(?:start|end)$/i.test(name));
  if (sees || tables.some(({ name }) => ephemeral.has(nameKey(name)))) return [];
  const place = headerPlace(model, [model.batchSize === undefined ? "strategy" : "batch_size"]);
  const message =
    "the query reads neither getvariable('window_start') nor getvariable('window_end'), and so returns " +
    "the same rows for each window";
  return [{ ...place, message, severity: "warning" }];
}

/** A query of what is new would end all that is not. */
const PART_OF_ROWS = new Set(["cursor", "window_start", "window_end"]);

function partialFault(
  { materialized, history }: Model,
  name = "",
): string | undefined {
  if (materialized !== "scd2" || history?.deletes !== "soft" || !PART_OF_ROWS.has(name.toLowerCase())) {
    return undefined;
  }
  return `deletes: soft ends what the query does not return, so it must return all rows, whatever ${name} is`;
}

export const knownVariables = (
  { params, unknownParams = [] }: Pick<VariablesInput, "params" | "unknownParams">,
): string[] => [...RUN_VARIABLES, ...Object.keys(params), ...unknownParams];

const NO_CURSOR = "the cursor is always NULL here: only an incremental model with an update_key has one";
const CHECK_CURSOR = "the cursor is always NULL in a check";

/** `noCursor` says why there is no cursor; undefined where there may be one. */
export function variableFault(
  name: VariableReference["name"],
  known: readonly string[],
  noCursor?: string,
): Pick<Fault, "message" | "severity"> | undefined {
  if (name === undefined) {
    const message = "getvariable() needs the variable's name as a plain text, as 'run_start'";
    return { message, severity: "error" };
  }
  const key = name.toLowerCase();
  if (!known.some((variable) => variable.toLowerCase() === key)) {
    return { message: `there is no variable or param ${name}${didYouMean(name, known)}`, severity: "error" };
  }
  return key === "cursor" && noCursor !== undefined ? { message: noCursor, severity: "warning" } : undefined;
}
