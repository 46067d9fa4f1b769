import { AppError } from "../../contract/errors.ts";
import type { Column } from "../../contract/sql.ts";
import { formatFault } from "../../text/fault.ts";
import { didYouMean } from "../../text/suggest.ts";
import { headerPlace, type Model } from "../language/model.ts";

/** What is wrong with a model as its header has it, at the key's place in the file. */
export function headerError(model: Model, path: readonly (string | number)[], message: string): AppError {
  const fault = { ...headerPlace(model, path), message, severity: "error" } as const;
  return new AppError("invalid", `Cannot build the model ${model.name}: ${formatFault(fault)}`, {
    faults: [fault],
  });
}

/** An entry of the header that names a column which the query does not have. */
export function missingColumn(
  model: Model,
  path: readonly (string | number)[],
  name: string,
  columns: readonly Column[],
): AppError {
  const hint = didYouMean(name, columns.map((column) => column.name));
  return headerError(model, path, `${path[0]}: the query has no column ${name}${hint}`);
}
