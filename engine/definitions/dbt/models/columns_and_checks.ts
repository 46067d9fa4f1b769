import { isRecord } from "../../../../text/is_record.ts";
import type { Dict } from "../project/read_project.ts";
import { listOf, optionalText } from "../project/settings.ts";
import { type CheckContext, checksOf } from "../tests/checks.ts";
import { oneLine } from "./one_line.ts";

/** `columns` and `checks` of a model, a seed or a snapshot; `table` is its name in SQL. */
export function columnsAndChecks(
  value: Dict,
  table: string,
  context: CheckContext,
  withTypes: boolean,
): Dict {
  const columns: Record<string, Record<string, unknown>> = {};
  const ofTable: unknown[] = [];
  for (const column of listOf(value["columns"]).filter(isRecord)) {
    const name = plainColumn(context.describe(String(column["name"])));
    const tests = [
      ...listOf(column["tests"]),
      ...listOf(column["data_tests"]),
      ...(withTypes ? constraintTests(column["constraints"]) : []),
    ];
    const sqlName = column["quote"] === true ? `"${name}"` : name;
    const checks = checksOf(tests, { table, column: sqlName }, context);
    ofTable.push(...checks.ofTable);
    const type = withTypes ? optionalText(column["data_type"]) : undefined;
    const description = optionalText(column["description"]);
    const about = {
      ...(type === undefined ? {} : { type }),
      ...(description === undefined ? {} : { description: oneLine(context.describe(description)) }),
      ...(checks.ofColumn.length === 0 ? {} : { checks: checks.ofColumn }),
    };
    columns[name] = { ...columns[name], ...about };
  }
  const tests = [...listOf(value["tests"]), ...listOf(value["data_tests"])];
  ofTable.push(...checksOf(tests, { table, column: undefined }, context).ofTable);
  return {
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...(ofTable.length === 0 ? {} : { checks: ofTable }),
  };
}

/** Some write the quotes of SQL around a name. */
const plainColumn = (name: string): string => name.replace(/^"([^"]+)"$/, "$1");

/** Those that have no check are told as tests that have none. */
function constraintTests(constraints: unknown): string[] {
  return listOf(constraints).filter(isRecord).flatMap(({ type }) => {
    if (type === "not_null" || type === "unique") return [type];
    return type === "primary_key" ? ["not_null", "unique"] : [`${String(type)} constraint`];
  });
}
