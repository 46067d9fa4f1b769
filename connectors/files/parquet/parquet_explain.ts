import { AppError } from "../../../contract/errors.ts";
import { fileError } from "../../locations/file_error.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import type { FileSet } from "../file_set.ts";
import { VALUE_FAULT } from "./parquet_value.ts";

const VALUE = new RegExp(`${VALUE_FAULT}(\\d*):(.*)\\n([^]*?)(?:\\n\\nLINE |$)`);

/** DuckDB's error while it read Parquet files as one with file, row and column. */
export function explainParquet(set: FileSet, error: unknown): AppError {
  const message = driverMessage(error);
  const [, row = "", path, reason = ""] = VALUE.exec(message) ?? [];
  if (path !== undefined) {
    const shown = set.files.find(({ localPath }) => localPath === path)?.shown ?? path;
    const place = row === "" ? "" : ` row ${row}`;
    return new AppError("invalid", `Cannot read "${shown}"${place}: ${reason}`, { cause: error });
  }
  const isShort = /Could not read enough bytes/i.test(message);
  if (isOutside(error) && !isShort) return error;
  const file = set.files.find(({ localPath }) => message.includes(localPath)) ?? set.files[0];
  const shown = set.files.length > 1 && file === set.files[0]
    ? set.files.map((f) => f.shown).join(", ")
    : file?.shown;
  if (isShort) {
    const text =
      `Cannot read "${file?.shown}": the Parquet file is damaged or cut short; copy the whole file again`;
    return new AppError("invalid", text, { cause: error });
  }
  if (/Invalid Input|Conversion|Schema mismatch|parquet|snappy|zstd|gzip|Binder/i.test(message)) {
    const [first] = message.replace(/^.*?Error: /, "").split("\n");
    const text = set.files.reduce(
      (all, { localPath, shown: name }) => all.replaceAll(localPath, name),
      first ?? message,
    );
    return new AppError("invalid", `Cannot read "${shown}": ${text}`, { cause: error });
  }
  return error instanceof AppError ? error : fileError("read", shown ?? "", error);
}
