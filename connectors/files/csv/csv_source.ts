import type { Scan } from "../../../contract/connector/source.ts";
import type { FileSet } from "../file_set.ts";
import { type PathColumn, pathColumns } from "../read/path_columns.ts";
import type { PartialScan } from "../read/parts.ts";
import { prepareScan } from "../read/prepare_scan.ts";
import type { Scratch } from "../../locations/scratch.ts";
import { SetAsideRecords } from "../read/set_aside.ts";
import { copyCsv, type CsvCopy, type SetAside } from "./csv_copy.ts";
import { explainCsv } from "./csv_explain.ts";
import { csvRelation } from "./csv_relation.ts";
import { type CsvPlan, planCsv } from "./csv_scan.ts";
import { csvSetAside, type SetAsideRelations } from "./csv_set_aside.ts";
import type { CsvFile } from "./csv_setup.ts";

/**
 * The rows of CSV files. `oddFiles`: those compressed in a way that DuckDB cannot read. Throws `invalid` for
 * what the first rows show to be wrong.
 */
export async function scanCsv(
  set: FileSet,
  oddFiles: ReadonlySet<string>,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "explain" | "prepare"> & PartialScan> {
  const files = set.files.map((file, index) => ({
    file,
    compression: set.compressions[index] ?? "none",
    isOdd: oddFiles.has(file.path),
  }));
  const plan = await planCsv(files, set.options, set.format === "tsv", signal, set.texts, set.setsAside);
  const extra = pathColumns(set, [...plan.columns.keys()], plan.format);
  const hasCopies = plan.groups.some(({ isCopied }) => isCopied);
  const copy = set.setsAside ? copyPlaced : copyOdd;
  return {
    relation: csvRelation(plan, extra),
    explain: (error) => explainCsv(plan, error),
    ...(hasCopies
      ? { prepare: (during) => prepareScan(scratchDir, (scratch) => copy(plan, extra, scratch, during)) }
      : { only: (paths) => csvRelation(onlyOf(plan, paths), extra) }),
  };
}

function onlyOf(plan: CsvPlan, paths: ReadonlySet<string>): CsvPlan {
  const groups = plan.groups.map((group) => ({
    ...group,
    files: group.files.filter(({ file }) => paths.has(file.path)),
  }));
  return { ...plan, groups: groups.filter(({ files }) => files.length > 0) };
}

/** Copies the files that DuckDB cannot read as they are; returns the relation of all. */
async function copyOdd(
  plan: CsvPlan,
  extra: readonly PathColumn[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<string> {
  const made = new Map<CsvFile, CsvCopy>();
  for (const group of plan.groups.filter(({ isCopied }) => isCopied)) {
    for (const source of group.files) {
      signal.throwIfAborted();
      made.set(source, await copyCsv(plan, source, group.names, scratch, signal));
    }
  }
  return csvRelation(plan, extra, { prefix: scratch.path, of: made });
}

/** Copies all files, each row with its place, and puts aside what is no row. */
async function copyPlaced(
  plan: CsvPlan,
  extra: readonly PathColumn[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<SetAsideRelations> {
  await using unsplit = await SetAsideRecords.create(scratch);
  const made = new Map<CsvFile, CsvCopy>();
  for (const group of plan.groups) {
    for (const source of group.files) {
      signal.throwIfAborted();
      const { shown } = source.file;
      const setAside: SetAside = (line, reason, row) => unsplit.put(`${shown} line ${line}`, reason, row);
      made.set(source, await copyCsv(plan, source, group.names, scratch, signal, setAside));
    }
  }
  const copies = { prefix: scratch.path, isPlaced: true, of: made };
  return csvSetAside(plan, extra, copies, unsplit.select);
}
