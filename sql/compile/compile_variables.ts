import type { Fault, SourcePlace } from "../../text/fault.ts";
import type { ParamDefinitions } from "../../contract/params/definition.ts";
import { didYouMean } from "../../text/suggest.ts";
import { RUN_VARIABLES } from "../build/variables.ts";
import { checkPlace } from "../language/check_place.ts";
import { checksOf } from "../language/checks.ts";
import { checkStep, type GraphAnalysis } from "../language/graph.ts";
import type { Model } from "../language/model.ts";
import type { VariableReference } from "../language/parse_tree.ts";
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
): Fault[] {
  const known: string[] = [...RUN_VARIABLES, ...Object.keys(params), ...unknownParams];
  return models.flatMap((model) => [
    ...(trees.get(model.name)?.variables ?? []).flatMap((variable) => {
      const { position } = variable;
      const place = position === undefined ? { file: model.path } : placeAt(model.sql, position, model.path);
      return faultOf(variable, place, known, model.updateKey === undefined ? NO_CURSOR : undefined);
    }),
    ...checksOf(model).flatMap((check) =>
      (checkTrees.get(checkStep(check))?.variables ?? []).flatMap((variable) =>
        faultOf(variable, checkPlace(model, check, variable.position), known, CHECK_CURSOR)
          .map((fault) => ({ ...fault, message: `${check.label}: ${fault.message}` }))
      )
    ),
  ]);
}

const NO_CURSOR = "the cursor is always NULL here: only an incremental model with an update_key has one";
const CHECK_CURSOR = "the cursor is always NULL in a check";

/** `noCursor` says why there is no cursor; undefined where there is one. */
function faultOf(
  { name }: VariableReference,
  place: SourcePlace,
  known: readonly string[],
  noCursor: string | undefined,
): Fault[] {
  if (name === undefined) {
    const message = "getvariable() needs the variable's name as a plain text, as 'run_start'";
    return [{ ...place, message, severity: "error" }];
  }
  const key = name.toLowerCase();
  if (!known.some((variable) => variable.toLowerCase() === key)) {
    const message = `there is no variable or param ${name}${didYouMean(name, known)}`;
    return [{ ...place, message, severity: "error" }];
  }
  return key === "cursor" && noCursor !== undefined
    ? [{ ...place, message: noCursor, severity: "warning" }]
    : [];
}
