import { AppError } from "../../../contract/errors.ts";
import type { PreparedScan, Scan } from "../../../contract/connector/source.ts";
import { checkCompressed } from "../compression.ts";
import { scanCsv } from "../csv/csv_source.ts";
import { scanJson } from "../json/json_source.ts";
import { scanParquet } from "../parquet/parquet_source.ts";
import type { FileSet } from "../file_set.ts";
import { bringAll, type PartialScan, partsOf, readParts, removeAll } from "./parts.ts";
import type { StoredFile } from "../../locations/location.ts";
import { requireSpace } from "../../locations/free_space.ts";

/** Relations for the formats that DuckDB reads by itself. */

/** `scratchDir`: an absolute path that is the process's own, and that DuckDB may read. */
export async function scanFiles(set: FileSet, scratchDir: string, signal: AbortSignal): Promise<Scan> {
  const isRemote = set.files.some(({ localCopy }) => localCopy !== undefined);
  if (!isRemote || set.mayGuess !== true || partsOf(set.files).length > 1) {
    return await scanHere(set, scratchDir, signal);
  }
  // The look at their beginnings and their transfer take turns otherwise.
  await requireSpace(scratchDir, set.files);
  const coming = bringAll(set.files, signal);
  // Whoever prepares the scan waits for them again, and hears of it.
  coming.catch(() => {});
  try {
    return await scanHere(set, scratchDir, signal);
  } catch (error) {
    await removeAll(set.files);
    throw error;
  }
}

async function scanHere(set: FileSet, scratchDir: string, signal: AbortSignal): Promise<Scan> {
  const oddFiles = new Set<string>();
  const isReadWhole = set.format !== "parquet" && set.format !== "csv" && set.format !== "tsv" ||
    set.compressions.includes("gzip");
  if (isReadWhole) await requireSpace(scratchDir, set.files);
  for (const [index, file] of set.files.entries()) {
    signal.throwIfAborted();
    await checkReadable(file);
    if (set.format === "parquet") continue;
    const { isOdd } = await checkCompressed(file, set.compressions[index] ?? "none", signal);
    if (isOdd) oddFiles.add(file.path);
  }
  const { relation, hasNoColumns = false, explain, prepare, only } = await relationOf(
    set,
    oddFiles,
    scratchDir,
    signal,
  );
  const isRemote = set.files.some(({ localCopy }) => localCopy !== undefined);
  const parts = isRemote && only !== undefined ? partsOf(set.files) : [];
  return {
    relation,
    hasNoColumns,
    ...(isRemote
      ? { prepare: (during) => prepareRemote(set, scratchDir, { relation, prepare }, during) }
      : prepare === undefined
      ? {}
      : { prepare }),
    ...(parts.length > 1 && only !== undefined
      ? { parts: (during) => readParts(parts, only, scratchDir, during) }
      : {}),
    files: set.files.map(({ path }) => path),
    sizeBytes: set.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    explain: async (error) => await changeOf(set, error) ?? await explain(error),
    async verify() {
      for (const file of set.files) await file.checkUnchanged();
    },
  };
}

/** Brings all files to the local disk, then makes what DuckDB can read of them. Disposing of it frees the disk. */
async function prepareRemote(
  set: FileSet,
  scratchDir: string,
  { relation, prepare }: { readonly relation: string; readonly prepare: Scan["prepare"] | undefined },
  signal: AbortSignal,
): Promise<PreparedScan> {
  try {
    await requireSpace(scratchDir, set.files);
    await bringAll(set.files, signal);
    const prepared = await prepare?.(signal);
    return {
      ...(prepared ?? { relation }),
      async [Symbol.asyncDispose]() {
        await prepared?.[Symbol.asyncDispose]();
        await removeAll(set.files);
      },
    };
  } catch (error) {
    await removeAll(set.files);
    throw error;
  }
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
): Promise<Pick<Scan, "relation" | "hasNoColumns" | "explain" | "prepare"> & PartialScan> {
  switch (set.format) {
    case "csv":
    case "tsv":
      checkOneCompression(set);
      return await scanCsv(set, oddFiles, scratchDir, signal);
    case "json":
    case "ndjson":
      return await scanJson(set, oddFiles, scratchDir, signal);
    case "parquet":
      return await scanParquet(set, signal);
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
