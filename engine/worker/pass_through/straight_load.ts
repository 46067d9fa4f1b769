import { choosesRows } from "../../../contract/pipeline/load.ts";
import type { Connections } from "../connections.ts";
import type { PlannedExtract, PlannedLoad, PlannedStep } from "../plan.ts";

export type StraightLoad =
  | {
    readonly load: PlannedLoad;
    /** DuckDB writes the rows while it reads them, in one statement; else they go in batches. */
    readonly isCopied: boolean;
    readonly fault?: undefined;
  }
  | { readonly load?: undefined; readonly fault: string };

/** The one load that takes the rows of a stream with `store: false`, or why there is none. */
export function straightLoad(
  { step, name, stream }: PlannedExtract,
  steps: readonly PlannedStep[],
  systems: Pick<Connections, "stagesWhileReading" | "isScanned" | "isWrittenByDuckdb">,
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
  if (systems.stagesWhileReading(target)) return { load, isCopied: false };
  if (!systems.isWrittenByDuckdb(target)) {
    return {
      fault: `store: false: "${target.connector}" takes rows from a table only, not while they are read`,
    };
  }
  if (!systems.isScanned(name, stream)) {
    return {
      fault:
        "store: false: DuckDB writes the load's file, and takes the rows for it from a table or from files that " +
        `it reads by itself, which the stream is not; load into an Arrow file, or keep raw.${name}`,
    };
  }
  if (target.mode === "merge" || target.primary_key !== undefined) {
    return {
      fault:
        "store: false writes the file while the stream is read; mode merge and the primary_key of its load look " +
        `at all rows before, and need raw.${name}`,
    };
  }
  return { load, isCopied: true };
}
