import { isDeepStrictEqual } from "node:util";
import type { StepManifest, TableFacts } from "../../../contract/runs/manifest.ts";
import type { Model } from "../../../sql/language/model.ts";
import { programVersions } from "./input_facts.ts";
import type { Recipes } from "./recipes.ts";

/**
 * Whether a table that was taken over from an environment is what a build of it would make now: by the same recipe, values and
 * versions, from the same rows. Nothing in its SQL varies from run to run, else it was not taken.
 */
export async function isStillTaken(
  model: Model,
  taken: StepManifest,
  inputs: readonly TableFacts[],
  recipes: Pick<Recipes, "of">,
): Promise<boolean> {
  const { sluice, duckdb } = programVersions();
  const { recipe, variables } = await recipes.of(model);
  return taken.sluice === sluice && taken.duckdb === duckdb && taken.recipe === recipe &&
    isDeepStrictEqual(taken.variables, variables) && isSameRows(taken.inputs ?? [], inputs);
}

/** Of the same tables; what has no hash is another. */
export function isSameRows(one: readonly TableFacts[], other: readonly TableFacts[]): boolean {
  const hashes = new Map(other.map(({ table, hash }) => [table, hash]));
  return one.length === hashes.size &&
    one.every(({ table, hash }) => hash !== null && hashes.get(table) === hash);
}
