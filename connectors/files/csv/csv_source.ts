import type { PreparedScan, Scan } from "../../../contract/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { nameKey } from "../../../contract/sql.ts";
import type { FileSet } from "../file_set.ts";
import { hiveColumns, hiveText, withoutOwn } from "../read/hive.ts";
import { Scratch } from "../../locations/scratch.ts";
import { copyCsv, type CsvCopy } from "./csv_copy.ts";
import { explainCsv } from "./csv_explain.ts";
import { csvRelation, type PathColumn } from "./csv_relation.ts";
import { type CsvPlan, planCsv } from "./csv_scan.ts";
import type { CsvFile } from "./csv_setup.ts";
import { exactCast } from "../types/exact_cast.ts";

/**
 * The rows of CSV files. `oddFiles`: those compressed in a way that DuckDB cannot read. Throws `invalid` for
 * what the first rows show to be wrong.
 */
export async function scanCsv(
  set: FileSet,
  oddFiles: ReadonlySet<string>,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "explain" | "prepare">> {
  const files = set.files.map((file, index) => ({
    file,
    compression: set.compressions[index] ?? "none",
    isOdd: oddFiles.has(file.path),
  }));
  const plan = await planCsv(files, set.options, set.format === "tsv", signal, set.texts);
  const extra = pathColumns(set, plan);
  const hasCopies = plan.groups.some(({ isCopied }) => isCopied);
  return {
    relation: csvRelation(plan, extra),
    explain: (error) => explainCsv(plan, error),
    ...(hasCopies ? { prepare: (during) => prepareCopies(plan, extra, scratchDir, during) } : {}),
  };
}

/** Copies of the files that DuckDB cannot read as they are. Disposing of it removes them. */
async function prepareCopies(
  plan: CsvPlan,
  extra: readonly PathColumn[],
  scratchDir: string,
  signal: AbortSignal,
): Promise<PreparedScan> {
  const scratch = new Scratch(scratchDir);
  try {
    const made = new Map<CsvFile, CsvCopy>();
    for (const group of plan.groups.filter(({ isCopied }) => isCopied)) {
      for (const source of group.files) {
        signal.throwIfAborted();
        made.set(source, await copyCsv(plan, source, group.names, scratch, signal));
      }
    }
    return {
      relation: csvRelation(plan, extra, { prefix: scratch.path, of: made }),
      [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}

/** The columns of folders as `day=2024-01-31`, and the file's name. Throws `invalid` for a name that is taken. */
function pathColumns(set: FileSet, plan: CsvPlan): PathColumn[] {
  const { options } = set;
  const own = [...plan.columns.keys()];
  const hive = withoutOwn(set, hiveColumns(set), own).map((column, index): PathColumn => {
    const given = Object.entries(options.columns).find(([key]) => nameKey(key) === nameKey(column.name))?.[1];
    const type = given ?? column.type;
    return {
      name: column.name,
      type,
      text: (path) => hiveText(column, `substring(${path}, ${[...set.base].length + 1})`),
      value: (text) =>
        exactCast({ text, label: own.length + index, type, isGiven: given !== undefined }, plan.format),
    };
  });
  if (!options.filename) return hive;
  if (own.some((name) => nameKey(name) === "filename")) {
    throw new AppError(
      "invalid",
      `Cannot read "${
        set.files[0]?.shown
      }": it has a column "filename" of its own; leave out options.filename`,
    );
  }
  const prefix = `${set.root}/`;
  const isUnderRoot = set.files.every(({ localPath }) => localPath.startsWith(prefix));
  return [...hive, {
    name: "filename",
    type: "VARCHAR",
    // The path as in messages: without the root.
    text: (path) => isUnderRoot ? `substring(${path}, ${[...prefix].length + 1})` : path,
    value: (text) => text,
  }];
}
