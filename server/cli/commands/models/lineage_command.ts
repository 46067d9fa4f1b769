import { AppError } from "../../../../contract/errors.ts";
import type { PipelineLineage, TableLineage } from "../../../../contract/lineage/lineage.ts";
import {
  type Direction,
  requireColumn,
  requireTable,
  traceLineage,
} from "../../../../contract/lineage/trace.ts";
import type { CommandRun } from "../../command.ts";
import { connect } from "../../connect.ts";
import { formatColumn, formatTableColumns, formatTables } from "../../lineage/lineage_text.ts";
import { readFolders } from "../../settings.ts";

/**
 * `sluice lineage PIPELINE[.MODEL[.COLUMN]]`: where columns come from and where they go to, as the definition in force has
 * it.
 */
export const lineage: CommandRun = async (invocation, context) => {
  const [address = ""] = invocation.arguments;
  const [upstream, downstream] = [invocation.flag("upstream"), invocation.flag("downstream")];
  const direction: Direction = upstream === downstream ? "both" : upstream ? "upstream" : "downstream";
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const { terminal } = context;
  const [pipeline = "", ...parts] = address.split(".");
  const whole = await connection.engine.getLineage(pipeline);
  if (parts.length === 0) {
    if (direction !== "both") {
      throw new AppError(
        "invalid",
        "--upstream and --downstream need a model: sluice lineage PIPELINE.MODEL",
      );
    }
    if (invocation.flag("json")) terminal.out(JSON.stringify(whole));
    else if (whole.tables.length === 0) terminal.note(`Pipeline "${pipeline}" has nothing in force`);
    else terminal.out(formatTables(whole, terminal.tableColumns()));
    return 0;
  }
  const { table, column: name } = placeOf(whole, parts);
  const column = name === undefined ? undefined : requireColumn(table, name);
  const traced = traceLineage(whole, { table: table.id, column: column?.name, direction });
  if (invocation.flag("json")) terminal.out(JSON.stringify(traced));
  else if (column !== undefined) terminal.out(formatColumn(table, column, whole, direction));
  else if (direction === "both") {
    terminal.out(formatTableColumns(table, whole, terminal.tableColumns()));
  } else terminal.out(formatTables(traced, terminal.tableColumns()));
  return 0;
};

/** `daily`, `daily.revenue`, `raw.orders`, `raw.orders.amount`: a column's name may have dots in it. */
function placeOf(
  lineage: PipelineLineage,
  parts: readonly string[],
): { table: TableLineage; column?: string } {
  const [first = "", second, ...others] = parts;
  const isSchema = ["raw", "main"].includes(first.toLowerCase()) && second !== undefined;
  const name = isSchema ? `${first}.${second}` : first;
  const rest = isSchema ? others : parts.slice(1);
  const table = requireTable(lineage, name);
  return rest.length === 0 ? { table } : { table, column: rest.join(".") };
}
