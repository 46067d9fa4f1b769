import { AppError } from "../../../contract/errors.ts";
import type { FileTargetPlan } from "./target_plan.ts";

/** Throws `invalid` where mode, format and kind of target do not go together. */
export function checkPlan(plan: FileTargetPlan): void {
  const { target, mode, format, options } = plan;
  const refuse = (why: string) => new AppError("invalid", `${plan.action}: ${why}`);
  if (plan.hasSql) throw refuse("pre_sql and post_sql are for databases");
  if (mode === "scd2") {
    throw refuse("a history changes the rows that are there, which files cannot; load it into a database");
  }
  const isPartitioned = options.partition_by !== undefined;
  if (mode === "delete_insert" && target.kind === "file") {
    throw refuse(`it replaces folders of a data set; use path: ${target.shown.replace(/\.[^/]*$/, "")}/`);
  }
  if (mode === "delete_insert" && options.partition_by?.join("\0") !== plan.partitionBy.join("\0")) {
    throw refuse("options.partition_by names other columns than partition_by; leave it out");
  }
  if (isPartitioned && target.kind === "file") {
    throw refuse(`partition_by writes a folder; use path: ${target.shown.replace(/\.[^/]*$/, "")}/`);
  }
  if (format === "arrow" && isPartitioned) throw refuse("Arrow files cannot be partitioned; use parquet");
  if ((format === "json" || format === "ndjson") && isPartitioned) {
    throw refuse("JSON files cannot be partitioned; use parquet or csv");
  }
  if (format === "arrow" && mode === "merge") throw refuse("Arrow files cannot be merged; use parquet");
  if (format === "xlsx" && isPartitioned) {
    throw refuse("Excel workbooks cannot be partitioned; use csv or parquet");
  }
  if (format === "xlsx" && mode === "merge") {
    throw refuse("Excel workbooks cannot be merged; use csv or parquet");
  }
  if (format === "xlsx" && plan.compression !== "none") {
    throw refuse("a workbook is compressed already; name it .xlsx");
  }
  if ((format === "json" || format === "ndjson") && mode === "merge") {
    throw refuse("JSON has no exact numbers and times to merge with; use csv or parquet");
  }
  if (target.kind === "file" && mode === "append") {
    throw refuse(
      "a file cannot be appended to; use a folder, as out/, to which each load adds a file, or merge",
    );
  }
}
