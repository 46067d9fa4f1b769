import type { LoadInput } from "../../../contract/connector/destination.ts";
import type { Publication } from "../../locations/location.ts";
import { Scratch } from "../../locations/scratch.ts";
import { CsvSplitter } from "../csv/csv_records.ts";
import { decodeText } from "../text/encoding.ts";
import { writeXlsx } from "../xlsx/xlsx_write.ts";
import type { FileTargetPlan } from "./target_plan.ts";

const PLAIN = { delimiter: ",", quote: '"', escape: '"', nulls: new Set([""]), quotedNull: false };

/**
 * Writes a load's rows as a workbook of that name. DuckDB writes the values' texts to a file on the way: there is
 * one rule for them, whatever the destination.
 */
export async function writeWorkbook(
  plan: FileTargetPlan,
  publication: Publication,
  name: string,
  scratchDir: string,
  input: LoadInput,
  signal: AbortSignal,
): Promise<number> {
  await using scratch = new Scratch(scratchDir);
  const path = await scratch.reserve("rows.csv");
  await input.copyTo(path, { format: "csv", options: { header: false, force_quote: "*" } });
  await using file = await publication.stage(name);
  const { sheet, header } = plan.options;
  const written = await writeXlsx(
    file,
    input.schema,
    rowsOf(scratch, path, signal),
    { name: sheet, header },
    plan.action,
  );
  await file.commit();
  return written;
}

async function* rowsOf(
  scratch: Scratch,
  path: string,
  signal: AbortSignal,
): AsyncIterable<readonly (string | null)[]> {
  const splitter = new CsvSplitter(PLAIN);
  const text = decodeText(scratch.read(path), { encoding: "utf-8", replacesInvalid: false });
  for await (const part of text) {
    signal.throwIfAborted();
    for (const record of splitter.push(part, false)) if (record.kind === "record") yield record.values;
  }
  for (const record of splitter.push("", true)) if (record.kind === "record") yield record.values;
}
