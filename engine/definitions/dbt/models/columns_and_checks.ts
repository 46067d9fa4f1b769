import { isRecord } from "../../../../text/is_record.ts";
import type { Dict } from "../project/read_project.ts";
import { listOf, optionalText, textsOf } from "../project/settings.ts";
import { duckType } from "../project/types.ts";
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
      ...(withTypes ? columnConstraints(column["constraints"], context) : []),
    ];
    const sqlName = column["quote"] === true ? `"${name}"` : name;
    const checks = checksOf(tests, { table, column: sqlName }, context);
    ofTable.push(...checks.ofTable);
    const type = withTypes ? optionalText(column["data_type"]) : undefined;
    const meta = [column["meta"], isRecord(column["config"]) ? column["config"]["meta"] : undefined];
    const isPersonal = meta.filter(isRecord).some((one) =>
      one["contains_pii"] === true || one["pii"] === true
    );
    const description = optionalText(column["description"]);
    const about = {
      ...(type === undefined ? {} : { type: duckType(type) }),
      ...(isPersonal ? { pii: true } : {}),
      ...(description === undefined ? {} : { description: oneLine(context.describe(description)) }),
      ...(checks.ofColumn.length === 0 ? {} : { checks: checks.ofColumn }),
    };
    columns[name] = { ...columns[name], ...about };
  }
  const tests = [
    ...listOf(value["tests"]),
    ...listOf(value["data_tests"]),
    ...(withTypes ? tableConstraints(value["constraints"], context) : []),
  ];
  ofTable.push(...checksOf(tests, { table, column: undefined }, context).ofTable);
  return {
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...(ofTable.length === 0 ? {} : { checks: ofTable }),
  };
}

/** Some write the quotes of SQL around a name. */
const plainColumn = (name: string): string => name.replace(/^"([^"]+)"$/, "$1");

/** Constraints of a column as tests of it: here they are looked at before the table is replaced. */
function columnConstraints(constraints: unknown, context: CheckContext): unknown[] {
  return listOf(constraints).filter(isRecord).flatMap((constraint): unknown[] => {
    const expression = optionalText(constraint["expression"]);
    const [field] = listOf(constraint["to_columns"]);
    switch (constraint["type"]) {
      case "not_null":
      case "unique":
        return [constraint["type"]];
      case "primary_key":
        return ["not_null", "unique"];
      case "check":
        return expression === undefined
          ? []
          : [{ "dbt_utils.expression_is_true": { expression, of_row: true } }];
      case "foreign_key":
        if (constraint["to"] !== undefined && field !== undefined) {
          return [{ relationships: { to: constraint["to"], field } }];
        }
    }
    context.hand(
      `the constraint ${String(constraint["type"])} is left out: ${expression ?? "it has no check"}`,
    );
    return [];
  });
}

/** Those of a table. */
function tableConstraints(constraints: unknown, context: CheckContext): unknown[] {
  return listOf(constraints).filter(isRecord).flatMap((constraint): unknown[] => {
    const columns = textsOf(constraint["columns"]);
    const expression = optionalText(constraint["expression"]);
    const unique = { "dbt_utils.unique_combination_of_columns": { combination_of_columns: columns } };
    switch (constraint["type"]) {
      case "unique":
        return [unique];
      case "primary_key":
        return [
          unique,
          ...columns.map((column) => ({
            "dbt_utils.expression_is_true": { expression: `${column} is not null` },
          })),
        ];
      case "check":
        return expression === undefined ? [] : [{ "dbt_utils.expression_is_true": { expression } }];
    }
    context.hand(`the constraint ${String(constraint["type"])} of ${columns.join(", ")} is left out`);
    return [];
  });
}
