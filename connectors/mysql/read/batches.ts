import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { ResultColumn } from "../session/payload.ts";
import type { Session } from "../session/session.ts";
import { BatchDecoder } from "./decode/batch_decoder.ts";
import type { ReadPlan } from "./plan.ts";

/** All rows of the query; one batch without rows where it has none. Returns how many warnings the server has. */
export async function* readBatches(
  session: Session,
  plan: ReadPlan,
  select: string,
): AsyncGenerator<RecordBatch, number, undefined> {
  const decoder = new BatchDecoder(plan.schema, plan.columns.map(({ decode }) => decode));
  const regions = session.rows(select, (columns) => checkColumns(columns, plan));
  try {
    for (;;) {
      const next = await regions.next();
      if (next.done === true) {
        const last = decoder.flush();
        if (last !== undefined) yield last;
        else if (decoder.rowsDecoded === 0) yield decoder.emptyBatch();
        return next.value.warnings;
      }
      for (const batch of decoder.push(next.value)) yield batch;
    }
  } finally {
    await regions.return?.({
      affectedRows: 0,
      warnings: 0,
      info: "",
      isInTransaction: true,
      hasMoreResults: false,
    });
  }
}

/** The server describes the rows once more: they are those that were planned, or nothing is read. */
function checkColumns(columns: readonly ResultColumn[], { action, columns: planned }: ReadPlan): void {
  const isSame = columns.length === planned.length && columns.every((column, i) => {
    const { name, source, expression } = planned[i] ?? {};
    return column.name === name && (expression !== undefined || column.type === source?.type);
  });
  if (!isSame) {
    throw new AppError("unavailable", `${action}: its columns have changed while it was looked at`);
  }
}
