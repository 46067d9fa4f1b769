import type { JsonValue } from "../../../contract/json.ts";
import type { Scratch } from "../../locations/scratch.ts";
import { CsvReader } from "./csv_reader.ts";
import { type CsvPlan, faultError, faultText, fitRecord, widthReason } from "./csv_scan.ts";
import type { CsvFile } from "./csv_setup.ts";
import { PlainCsvWriter } from "./plain_csv.ts";

/** What a copy of a file for DuckDB is. */
export interface CsvCopy {
  /** Absolute: the scratch folder's path, and behind it the file's own. */
  readonly path: string;
  /** Of its longest line. */
  readonly lineBytes: number;
}

/** Takes what does not fit, by its line; `row` is what stood there. */
export type SetAside = (line: number, reason: string, row: JsonValue) => Promise<void>;

/**
 * Writes the rows of a file as PlainCsvWriter does. Throws `invalid` for the first record that does not fit,
 * `unavailable` where the disk is full. With `setAside` it goes to that, and each row begins with its place.
 */
export async function copyCsv(
  plan: CsvPlan,
  source: CsvFile,
  names: readonly string[],
  scratch: Scratch,
  signal: AbortSignal,
  setAside?: SetAside,
): Promise<CsvCopy> {
  const { setup } = plan;
  const { shown, localPath } = source.file;
  await using file = await scratch.create(localPath.slice(1));
  const writer = new PlainCsvWriter(file);
  let isHeader = setup.header;
  for await (const record of new CsvReader(source, setup).records(signal)) {
    if (record.kind === "fault") {
      if (record.text === undefined || setAside === undefined || isHeader) {
        throw faultError(shown, record, plan.options.max_line_bytes);
      }
      await setAside(record.line, faultText(record.reason, plan.options.max_line_bytes), record.text);
      continue;
    }
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const reason = setAside === undefined ? undefined : widthReason(record, names.length, setup.padsRows);
    if (reason !== undefined) {
      await setAside?.(record.line, reason, record.values);
      continue;
    }
    const values = fitRecord(shown, record, names.length, setup.padsRows);
    if (values === undefined) continue;
    await writer.write(setAside === undefined ? values : [`${shown} line ${record.line}`, ...values]);
  }
  return { path: file.path, lineBytes: await writer.end() };
}
