import type { Schema } from "apache-arrow";
import { isSameName } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import { isHidden } from "../../locations/hidden.ts";
import type { Published } from "../../locations/location.ts";
import type { LoadNotes } from "./load_notes.ts";
import { loadOfFile } from "./part_name.ts";
import type { FileTargetPlan } from "./target_plan.ts";

/** What a load cannot do, said before anything is written. */

/** Throws `invalid` where the rows lack a column that the load is by. */
export function checkColumns(plan: FileTargetPlan, schema: Schema): void {
  const refuse = (why: string) => new AppError("invalid", `${plan.action}: ${why}`);
  const names = schema.fields.map(({ name }) => name);
  if (names.length === 0) throw refuse("the table has no columns");
  const partitionBy = plan.options.partition_by ?? [];
  const isMissing = (column: string) => !names.some((name) => isSameName(name, column));
  const missing = partitionBy.find(isMissing);
  if (missing !== undefined) {
    throw refuse(`there is no column "${missing}" to partition by; the columns are ${names.join(", ")}`);
  }
  if (partitionBy.length >= names.length) {
    throw refuse("partition_by names every column; leave one for the files");
  }
  const missingKey = plan.mode === "append" ? undefined : plan.primaryKey.find(isMissing);
  if (missingKey !== undefined) {
    throw refuse(
      `the rows have no column "${missingKey}" of the primary key; the columns are ${names.join(", ")}`,
    );
  }
}

/** Throws `conflict` where a folder would be replaced that is not ours, or files of two layouts would be mixed. */
export function checkFolder(plan: FileTargetPlan, current: Published | undefined, notes: LoadNotes): void {
  if (current === undefined || plan.target.kind === "file") return;
  const refuse = (why: string) => new AppError("conflict", `${plan.action}: ${why}`);
  const paths = current.files.map(({ path }) => path);
  if (plan.mode !== "append") {
    if (!notes.isOurs && paths.length > 0) {
      throw refuse(
        "the folder has files and was not written by Sluice; choose another folder, or empty it first",
      );
    }
    const foreign = paths.find((path) => loadOfFile(path) === undefined && !isHidden(path));
    if (foreign !== undefined) {
      throw refuse(`the folder has files that Sluice did not write, as "${foreign}"; move them away first`);
    }
  }
  const before = notes.partitionBy;
  const hasParts = paths.some((path) => loadOfFile(path) !== undefined);
  const isMixed = before !== undefined && hasParts &&
    before.join("\0") !== (plan.options.partition_by ?? []).join("\0");
  if (plan.mode !== "replace" && isMixed) {
    const layout = before.length === 0 ? "without partitions" : `partitioned by ${before.join(", ")}`;
    throw refuse(`its files are ${layout}; set options.partition_by to the same, or replace it`);
  }
}
