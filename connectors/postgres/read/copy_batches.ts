import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { Session } from "../session/session.ts";
import { BatchDecoder } from "./decode/batch_decoder.ts";
import { unfitValue, type UnfitValueError } from "../../unfit_value.ts";
import type { ReadPlan } from "./plan.ts";

/** All rows of the query; one batch without rows where it has none. Throws where they do not end as they should. */
export async function* copyBatches(
  session: Session,
  { action, columns, schema }: ReadPlan,
  select: string,
): AsyncGenerator<RecordBatch, void, undefined> {
  const decoder = new BatchDecoder(schema, columns.map(({ decode }) => decode), {
    validateUtf8: session.serverEncoding === "SQL_ASCII",
  });
  for await (const region of session.copyOut(`COPY (${select}) TO STDOUT (FORMAT binary)`)) {
    yield* decoder.push(region);
  }
  if (!decoder.isComplete) {
    throw new AppError("unavailable", `${action}: the server's rows ended without their end mark`);
  }
  const last = decoder.flush();
  if (last !== undefined) yield last;
  else if (decoder.rowsDecoded === 0) yield decoder.emptyBatch();
}

/** The `invalid` of a value that does not fit, with what to do. */
export function unfit(action: string, error: UnfitValueError): AppError {
  const isAdvised = error.message.includes("text_columns");
  const advice = `; add ${
    JSON.stringify(error.column)
  } to the stream's option text_columns to read it as text`;
  return unfitValue(action, error, isAdvised ? "" : advice);
}
