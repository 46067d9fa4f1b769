import type { LoadMode, LoadRequest } from "../../../contract/connector/destination.ts";
import type { FilePaths } from "../../locations/file_paths.ts";
import type { PublicationTarget } from "../../locations/location.ts";
import { resolveKind } from "../kind.ts";
import type { Compression, FileFormat, FileTarget, LoadOptions } from "../options.ts";
import { targetOf } from "./target.ts";

/** What a load writes where. */
export interface FileTargetPlan {
  readonly target: PublicationTarget;
  readonly root: string;
  readonly mode: LoadMode;
  readonly primaryKey: readonly string[];
  /** Of a delete_insert. */
  readonly partitionBy: readonly string[];
  /** Of a merge. */
  readonly deletesMissing: boolean;
  /** Whether SQL is to be run, which files cannot. */
  readonly hasSql: boolean;
  readonly options: LoadOptions;
  readonly format: FileFormat;
  readonly compression: Compression;
  /** Begins messages: `Cannot merge "out/a.csv"`. */
  readonly action: string;
}

/** Throws `invalid` where the format is not known. */
export function planTarget(paths: FilePaths, request: LoadRequest<FileTarget>): FileTargetPlan {
  const { mode, primaryKey, partitionBy = [], deletesMissing = false, target: { path, options: given } } =
    request;
  // The folders of a data set are what a delete_insert replaces.
  const options = mode === "delete_insert" ? { partition_by: [...partitionBy], ...given } : given;
  const target = targetOf(paths, path);
  const kind = target.kind === "file" ? resolveKind(target.shown, options) : {
    format: options.format ?? "parquet",
    compression: options.compression === "auto" ? "none" : options.compression,
  } as const;
  return {
    target,
    root: paths.root,
    mode,
    primaryKey,
    partitionBy,
    deletesMissing,
    hasSql: (request.preSql?.length ?? 0) + (request.postSql?.length ?? 0) > 0,
    options,
    ...kind,
    action: `Cannot ${mode} "${target.shown}"`,
  };
}

/** The ending of files in a folder, with the compression's. */
export function endingOf({ format, compression }: Pick<FileTargetPlan, "format" | "compression">): string {
  if (format === "parquet") return format;
  return `${format}${{ none: "", gzip: ".gz", zstd: ".zst" }[compression]}`;
}
