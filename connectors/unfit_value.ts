import { AppError } from "../contract/errors.ts";

/** A value that was read and does not fit, with the place where it stands. `row` counts from 1. */
export class UnfitValueError extends Error {
  override readonly name = "UnfitValueError";
  readonly column: string;
  readonly row: number;

  constructor(column: string, row: number, message: string) {
    super(message);
    this.column = column;
    this.row = row;
  }
}

/** The same as the failure of a read; `action` heads the message, `advice` ends it. */
export function unfitValue(action: string, error: UnfitValueError, advice = ""): AppError {
  const { row, column, message } = error;
  const where = `${action} row ${row}: column ${JSON.stringify(column)}`;
  return new AppError("invalid", `${where} ${message}${advice}`, { cause: error });
}
