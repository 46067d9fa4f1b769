import type { SourcePlace } from "../../text/fault.ts";
import { type Check, checkPath } from "./checks.ts";
import { headerPlace, type Model } from "./model.ts";
import { placeAt } from "./position.ts";

/**
 * Where a check's SQL has a fault: `position` counts UTF-16 units from 0 in `check.sql`. Its text stands
 * in the header's YAML, line by line as it is in most forms; else it is the place of the whole check.
 */
export function checkPlace(model: Model, check: Check, position?: number): SourcePlace {
  const start = headerPlace(model, checkPath(check));
  const text = writtenSql(model, check);
  if (position === undefined || text === undefined || start.line === undefined) return start;
  const offset = position - (check.kind === "sql" ? check.sql.indexOf(text) : 0);
  if (offset < 0 || offset > text.length) return start;
  const { line, column } = placeAt(text, offset, model.path);
  const lines = text.split("\n");
  const wanted = lines[line - 1]?.trim() ?? "";
  const indent = lines[line - 1]?.indexOf(wanted) ?? 0;
  const file = model.sql.split("\n");
  for (let index = start.line - 1; index < file.length; index++) {
    const from = index === start.line - 1 ? (start.column ?? 1) - 1 : 0;
    const at = wanted === "" ? -1 : file[index]?.indexOf(wanted, from) ?? -1;
    if (at !== -1) return { file: model.path, line: index + 1, column: at + column - indent };
  }
  return start;
}

/** The SQL as the header gives it. */
function writtenSql(model: Model, check: Check): string | undefined {
  if (check.kind === "query") return model.checks[Number(check.headerPath[1])]?.sql;
  const written = model.columns[check.column ?? ""]?.checks[Number(check.headerPath[3])];
  return written?.kind === "sql" ? written.sql : undefined;
}
