import type { Scan } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Scratch } from "../../locations/scratch.ts";
import type { CsvCopy } from "../csv/csv_copy.ts";
import { csvRelation } from "../csv/csv_relation.ts";
import {
  checkSameColumns,
  type CsvColumn,
  type CsvGroup,
  type CsvPlan,
  typeColumns,
} from "../csv/csv_scan.ts";
import { type CsvFile, csvSetup } from "../csv/csv_setup.ts";
import { PlainCsvWriter } from "../csv/plain_csv.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import type { FileSet } from "../file_set.ts";
import { type PathColumn, pathColumns } from "../read/path_columns.ts";
import { prepareScan } from "../read/prepare_scan.ts";
import { CAST_FAULT } from "../../text_cast/exact_cast.ts";
import { cellName } from "./names.ts";
import { KindGuess, withTable } from "./sheet_table.ts";

/**
 * Excel workbooks as relations: their cells are written as plain CSV for DuckDB, and the types are those of
 * the cells. A check looks at the first rows, a run at all of them.
 */

const SAMPLE_ROWS = 1_000;

export async function scanXlsx(
  set: FileSet,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "explain" | "prepare">> {
  const compressed = set.files.find((_, index) => set.compressions[index] !== "none");
  if (compressed !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot read "${compressed.shown}": a workbook is compressed already; unpack it`,
    );
  }
  const survey = new Survey(set);
  for (const source of survey.files) await survey.look(source, undefined, SAMPLE_ROWS, signal);
  const described = survey.plan();
  return {
    relation: csvRelation(described, survey.extra(described)),
    explain: (error) => explainXlsx(set, described, error),
    prepare: (during) => prepareScan(scratchDir, (scratch) => copyAll(set, scratch, during)),
  };
}

/** Copies all workbooks as plain CSV; returns the relation of the copies. */
async function copyAll(set: FileSet, scratch: Scratch, signal: AbortSignal): Promise<string> {
  const survey = new Survey(set);
  const made = new Map<CsvFile, CsvCopy>();
  for (const source of survey.files) {
    await using file = await scratch.create(source.file.localPath.slice(1));
    const writer = new PlainCsvWriter(file);
    await survey.look(source, writer, Number.POSITIVE_INFINITY, signal);
    made.set(source, { path: file.path, lineBytes: await writer.end() });
  }
  const plan = survey.plan();
  return csvRelation(plan, survey.extra(plan), { prefix: scratch.path, of: made });
}

/** What the workbooks of a stream hold. */
class Survey {
  readonly files: readonly CsvFile[];
  readonly #set: FileSet;
  readonly #guesses = new Map<string, KindGuess>();
  readonly #groups = new Map<string, CsvGroup & { files: CsvFile[] }>();

  constructor(set: FileSet) {
    this.#set = set;
    this.files = set.files.map((file) => ({ file, compression: "none", isOdd: true }));
  }

  /** Looks at so many rows of a file, and writes their texts where there is a writer. */
  async look(
    source: CsvFile,
    writer: PlainCsvWriter | undefined,
    limit: number,
    signal: AbortSignal,
  ): Promise<void> {
    await withTable(source.file, this.#set.options, signal, async ({ names, rows }) => {
      const guesses = names.map((name) => {
        const guess = this.#guesses.get(name) ?? new KindGuess();
        this.#guesses.set(name, guess);
        return guess;
      });
      let count = 0;
      for await (const { cells } of rows) {
        if (count++ >= limit) break;
        for (let index = 0; index < cells.length; index++) {
          const cell = cells[index];
          if (cell !== undefined) guesses[index]?.observe(cell);
        }
        await writer?.write(names.map((_, index) => cells[index]?.text ?? null));
      }
      const key = JSON.stringify(names);
      const head = { lines: 0, isPlain: true, dialect: this.#setup.dialect };
      const group = this.#groups.get(key) ?? { names, head, isCopied: true, files: [] };
      group.files.push(source);
      this.#groups.set(key, group);
    });
  }

  get #setup() {
    return csvSetup(this.#set.options, false);
  }

  plan(): CsvPlan {
    const { options, texts } = this.#set;
    const groups = [...this.#groups.values()];
    if (!options.union_by_name) checkSameColumns(groups);
    // Its texts are ours: no separators, no formats of dates.
    const format = { decimalSeparator: ".", dateFormat: undefined, timestampFormat: undefined } as const;
    const columns = typeColumns(this.#guesses, options, texts ?? []);
    return { files: this.files, setup: this.#setup, options, format, columns, groups };
  }

  extra(plan: CsvPlan): PathColumn[] {
    return pathColumns(this.#set, [...plan.columns.keys()], plan.format);
  }
}

/** Finds the cell behind an error of DuckDB's. */
async function explainXlsx(set: FileSet, plan: CsvPlan, error: unknown): Promise<AppError> {
  if (isOutside(error)) return error;
  const message = driverMessage(error);
  const fault = new RegExp(`${CAST_FAULT}:(\\d+):([^]*?)(?:\\n\\nLINE |$)`).exec(message);
  if (fault?.[2] !== undefined) {
    for (const file of set.files) {
      const found = await findCell(file, set, plan, { index: Number(fault[1]), value: fault[2] });
      if (found !== undefined) return new AppError(found.code, found.message, { cause: error });
    }
  }
  if (error instanceof AppError && error.code !== "internal") return error;
  return new AppError("invalid", `Cannot read "${set.files[0]?.shown}": ${message.split("\n")[0]}`, {
    cause: error,
  });
}

async function findCell(
  file: FileSet["files"][number],
  set: FileSet,
  plan: CsvPlan,
  { index, value }: { readonly index: number; readonly value: string },
): Promise<AppError | undefined> {
  const { signal } = new AbortController();
  return await withTable(file, set.options, signal, async ({ sheet, names, firstColumn, rows }) => {
    const column = plan.columns.get(names[index] ?? "");
    if (column === undefined) return undefined;
    for await (const { row, cells } of rows) {
      if (cells[index]?.text !== value) continue;
      return cellError(
        `"${file.shown}" sheet "${sheet}" cell ${cellName(firstColumn + index, row)}`,
        column,
        value,
      );
    }
    return undefined;
  });
}

function cellError(place: string, { name, type }: CsvColumn, value: string): AppError {
  const text = value.length > 200 ? `${value.slice(0, 200)}…` : value;
  return new AppError(
    "invalid",
    `Cannot read ${place}: column "${name}" is "${text}", expected ${type}; ` +
      "correct the workbook, or give the column another type in options.columns",
  );
}
