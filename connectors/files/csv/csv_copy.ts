import type { Scratch } from "../../locations/scratch.ts";
import { CsvReader } from "./csv_reader.ts";
import { type CsvPlan, faultError, fitRecord } from "./csv_scan.ts";
import type { CsvFile } from "./csv_setup.ts";
import { PlainCsvWriter } from "./plain_csv.ts";

/** What a copy of a file for DuckDB is. */
export interface CsvCopy {
  /** Absolute: the scratch folder's path, and behind it the file's own. */
  readonly path: string;
  /** Of its longest line. */
  readonly lineBytes: number;
}

/**
 * Writes the rows of a file as PlainCsvWriter does. Throws `invalid` for the first record that does not fit,
 * `unavailable` where the disk is full.
 */
export async function copyCsv(
  plan: CsvPlan,
  source: CsvFile,
  names: readonly string[],
  scratch: Scratch,
  signal: AbortSignal,
): Promise<CsvCopy> {
  const { setup } = plan;
  const { shown, localPath } = source.file;
  await using file = await scratch.create(localPath.slice(1));
  const writer = new PlainCsvWriter(file);
  let isHeader = setup.header;
  for await (const record of new CsvReader(source, setup).records(signal)) {
    if (record.kind === "fault") throw faultError(shown, record, plan.options.max_line_bytes);
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const values = fitRecord(shown, record, names.length, setup.padsRows);
    if (values !== undefined) await writer.write(values);
  }
  return { path: file.path, lineBytes: await writer.end() };
}
