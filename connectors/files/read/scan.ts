import { AppError } from "../../../contract/errors.ts";
import type { Scan } from "../../../contract/connector.ts";
import { checkCompressed } from "../compression.ts";
import { scanCsv } from "../csv/csv_source.ts";
import { driverMessage, isOutside } from "../duckdb_error.ts";
import { fileError } from "../../locations/file_error.ts";
import { scanJson } from "../json/json_source.ts";
import { fileList, type FileSet } from "../file_set.ts";
import { hiveColumns, hiveOptions } from "./hive.ts";
import type { StoredFile } from "../../locations/location.ts";

/** Relations for the formats that DuckDB reads by itself. */

/** `scratchDir`: an absolute path that is the process's own, and that DuckDB may read. */
export async function scanFiles(set: FileSet, scratchDir: string, signal: AbortSignal): Promise<Scan> {
  const oddFiles = new Set<string>();
  for (const [index, file] of set.files.entries()) {
    signal.throwIfAborted();
    await checkReadable(file);
    if (set.format === "parquet") continue;
    const { isOdd } = await checkCompressed(file, set.compressions[index] ?? "none", signal);
    if (isOdd) oddFiles.add(file.path);
  }
  const { relation, hasNoColumns = false, explain, prepare } = await relationOf(
    set,
    oddFiles,
    scratchDir,
    signal,
  );
  return {
    relation,
    hasNoColumns,
    ...(prepare === undefined ? {} : { prepare }),
    files: set.files.map(({ path }) => path),
    sizeBytes: set.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    explain: async (error) => await changeOf(set, error) ?? await explain(error),
    async verify() {
      for (const file of set.files) await file.checkUnchanged();
    },
  };
}

/** A file that changed while DuckDB read it is the reason of whatever DuckDB met. */
async function changeOf(set: FileSet, error: unknown): Promise<AppError | undefined> {
  if (error instanceof AppError && ["cancelled", "timeout"].includes(error.code)) return undefined;
  try {
    for (const file of set.files) await file.checkUnchanged();
  } catch (change) {
    if (change instanceof AppError) return new AppError(change.code, change.message, { cause: error });
    throw change;
  }
  return undefined;
}

async function relationOf(
  set: FileSet,
  oddFiles: ReadonlySet<string>,
  scratchDir: string,
  signal: AbortSignal,
): Promise<Pick<Scan, "relation" | "hasNoColumns" | "explain" | "prepare">> {
  switch (set.format) {
    case "csv":
    case "tsv":
      checkOneCompression(set);
      return await scanCsv(set, oddFiles, scratchDir, signal);
    case "json":
    case "ndjson":
      return await scanJson(set, oddFiles, scratchDir, signal);
    case "parquet":
      for (const file of set.files) await checkParquet(file);
      return {
        relation: selectColumns(set, parquetRelation(set)),
        explain: (error) => Promise.resolve(explainParquet(set, error)),
      };
    case "xlsx": {
      const { scanXlsx } = await import("../xlsx/xlsx_scan.ts");
      return await scanXlsx(set, scratchDir, signal);
    }
    case "arrow":
      throw new AppError("internal", "Cannot scan Arrow files; they are read");
  }
}

async function checkReadable(file: StoredFile): Promise<void> {
  await using _reader = await file.open();
}

function checkOneCompression(set: FileSet): void {
  const [first, second] = new Set(set.compressions);
  if (second === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot read ${first} and ${second} files as one stream; compress them in one way, or make two streams of them`,
  );
}

function parquetRelation(set: FileSet): string {
  const { options } = set;
  return `read_parquet(${
    [
      fileList(set),
      `union_by_name = ${options.union_by_name}`,
      ...hiveOptions(set, hiveColumns(set)),
      ...filenameOption(set),
    ].join(", ")
  })`;
}

function filenameOption(set: FileSet): string[] {
  return set.options.filename ? ["filename = true"] : [];
}

/** The path as in messages: without the root. */
function filenameColumn(set: FileSet, column: string): string[] {
  if (!set.options.filename) return [];
  const prefix = `${set.root}/`;
  const isUnderRoot = set.files.every(({ localPath }) => localPath.startsWith(prefix));
  return [
    isUnderRoot ? `substring(${column}, ${[...prefix].length + 1}) AS filename` : `${column} AS filename`,
  ];
}

/** Column types given by the user, and the shortened filename. CSV and JSON have their own ways. */
function selectColumns(set: FileSet, relation: string): string {
  const casts = Object.entries(set.options.columns).map(([name, type]) => {
    const quoted = `"${name.replaceAll('"', '""')}"`;
    return `CAST(${quoted} AS ${type}) AS ${quoted}`;
  });
  const replaced = [...casts, ...filenameColumn(set, "filename")];
  return replaced.length === 0 ? relation : `(SELECT * REPLACE (${replaced.join(", ")}) FROM ${relation})`;
}

const PARQUET_MAGIC = "PAR1";

async function checkParquet(file: StoredFile): Promise<void> {
  const wrong = (what: string) => new AppError("invalid", `Cannot read "${file.shown}": ${what}`);
  if (file.sizeBytes === 0) throw wrong("it is empty (0 bytes); expected a Parquet file");
  await using reader = await file.open();
  const magic = async (position: number) => new TextDecoder().decode(await reader.read(position, 4));
  if (await magic(0) !== PARQUET_MAGIC) throw wrong("it is not a Parquet file; set options.format");
  if (file.sizeBytes < 12 || await magic(file.sizeBytes - 4) !== PARQUET_MAGIC) {
    throw wrong("the Parquet file is cut short; copy the whole file again");
  }
}

function explainParquet(set: FileSet, error: unknown): AppError {
  const message = driverMessage(error);
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
    const [reason] = message.replace(/^.*?Error: /, "").split("\n");
    const text = set.files.reduce(
      (all, { localPath, shown: name }) => all.replaceAll(localPath, name),
      reason ?? message,
    );
    return new AppError("invalid", `Cannot read "${shown}": ${text}`, { cause: error });
  }
  return error instanceof AppError ? error : fileError("read", shown ?? "", error);
}
