import { choosesRows, type LoadDefinition } from "../../../contract/pipeline/load.ts";
import type { PlannedExtract, PlannedLoad, PlannedStep } from "../plan.ts";

export type StraightLoad =
  | { readonly load: PlannedLoad; readonly fault?: undefined }
  | { readonly load?: undefined; readonly fault: string };

/** The one load that takes the rows of a stream with `store: false`, or why there is none. */
export function straightLoad(
  { step, name }: PlannedExtract,
  steps: readonly PlannedStep[],
  stagesWhileReading: (target: LoadDefinition) => boolean,
): StraightLoad {
  const readers = steps.filter(({ step: { depends } }) => depends.includes(step.name));
  const loads = readers.filter((planned) => planned.kind === "load");
  const other = readers.find((planned) => planned.kind !== "load");
  const [load] = loads;
  if (other !== undefined) {
    return { fault: `store: false leaves no raw.${name}, which ${other.step.name} reads` };
  }
  if (load === undefined) return { fault: "store: false needs a load that takes the rows; nothing does" };
  if (loads.length > 1) {
    return { fault: `store: false needs one load that takes the rows; ${loads.length} want them` };
  }
  const { target } = load;
  if (choosesRows(target) || target.verify) {
    return {
      fault:
        "store: false hands the rows on as they are read; mode scd2, changed_only, dedup_sort, hard_delete and verify " +
        `of its load need raw.${name}`,
    };
  }
  if (!stagesWhileReading(target)) {
    return {
      fault: `store: false: "${target.connector}" takes rows from a table only, not while they are read`,
    };
  }
  return { load };
}
