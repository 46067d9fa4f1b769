import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { LoadColumn, TargetColumn } from "../../destination/system.ts";
import type { SqliteValue } from "../database.ts";
import { fittedReader, UnfitValueError } from "./fit.ts";

const MAX_SHOWN = 100;

type Column = LoadColumn<TargetColumn>;

/**
 * Returns what puts a row of the batch into `values`, a value a column from `at` on; `before` is how many rows came
 * before it. It throws `invalid` for a value that the column would change; `action` heads the message.
 */
export function rowFiller(
  action: string,
  batch: RecordBatch,
  columns: readonly Column[],
  values: SqliteValue[],
): (row: number, before: number, at?: number) => void {
  const readers = columns.map(({ field, sentSql }, i) => {
    const child = batch.data.children[i];
    if (child === undefined) throw new AppError("internal", `A batch has no column "${field.name}"`);
    return fittedReader(field, child, sentSql);
  });
  return (row, before, at = 0) => {
    for (let i = 0; i < readers.length; i++) {
      try {
        const value = readers[i]?.(row) ?? null;
        if (value === null && columns[i]?.target?.numbersNulls) {
          throw numbered(action, columns[i], before + 1);
        }
        values[at + i] = value;
      } catch (error) {
        if (!(error instanceof UnfitValueError)) throw error;
        throw misfit(action, columns[i], before + 1, error);
      }
    }
  };
}

function numbered(action: string, column: Column | undefined, row: number): AppError {
  return new AppError(
    "invalid",
    `${action} row ${row}: column "${column?.name}" is NULL, and the table would give the row a number of its own; ` +
      `leave the column out of the rows to have it do so`,
  );
}

function misfit(action: string, column: Column | undefined, row: number, error: UnfitValueError): AppError {
  return new AppError(
    "invalid",
    `${action} row ${row}: column "${column?.name}" is ${error.message.slice(0, MAX_SHOWN)}, which the ` +
      `table's ${column?.targetSql} cannot hold without a loss; round or cast it in the model, or change the table`,
    { cause: error },
  );
}
