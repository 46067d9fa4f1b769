import type { ConnectorContext } from "../../../contract/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import type { WholeRequest, WholeResult } from "../../destination/whole_load.ts";
import type { FileLoad } from "./file_load.ts";
import { loadFile } from "./load_file.ts";
import { loadFolder } from "./load_folder.ts";
import { resolveKind } from "../kind.ts";
import type { FileTarget } from "../options.ts";
import { targetOf } from "./target.ts";

export async function loadFiles(
  root: string,
  request: WholeRequest<FileTarget>,
  context: ConnectorContext,
  signal: AbortSignal,
): Promise<WholeResult> {
  const target = targetOf(root, request.target.path);
  const { options } = request.target;
  const kind = target.kind === "file" ? resolveKind(target.shown, options) : {
    format: options.format ?? "parquet",
    compression: options.compression === "auto" ? "none" : options.compression,
  };
  const load: FileLoad = { target, request, options, ...kind, context, signal };
  checkLoad(load);
  return target.kind === "file" ? await loadFile(load) : await loadFolder(load);
}

function checkLoad({ target, request, options, format }: FileLoad): void {
  const refuse = (why: string) => new AppError("invalid", `Cannot ${request.mode} "${target.shown}": ${why}`);
  const partitionBy = options.partition_by ?? [];
  const names = request.input.schema.fields.map(({ name }) => name);
  if (names.length === 0) throw refuse("the table has no columns");
  if (partitionBy.length > 0 && target.kind === "file") {
    throw refuse(`partition_by writes a folder; use path: ${target.shown.replace(/\.[^/]*$/, "")}/`);
  }
  const missing = partitionBy.find((column) =>
    !names.some((name) => name.toLowerCase() === column.toLowerCase())
  );
  if (missing !== undefined) {
    throw refuse(`there is no column "${missing}" to partition by; the columns are ${names.join(", ")}`);
  }
  if (partitionBy.length >= names.length) {
    throw refuse("partition_by names every column; leave one for the files");
  }
  if (format === "arrow" && partitionBy.length > 0) {
    throw refuse("Arrow files cannot be partitioned; use parquet");
  }
  if (format === "arrow" && request.mode === "merge") {
    throw refuse("Arrow files cannot be merged; use parquet");
  }
  if ((format === "json" || format === "ndjson") && request.mode === "merge") {
    throw refuse("JSON has no exact numbers and times to merge with; use csv or parquet");
  }
  if (target.kind === "file" && request.mode === "append") {
    throw refuse(
      "a file cannot be appended to; use a folder, as out/, to which each load adds a file, or merge",
    );
  }
}
