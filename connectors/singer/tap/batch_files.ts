import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "../../../contract/errors.ts";
import { byteLines } from "../command/byte_lines.ts";
import { fileError } from "../../locations/file_error.ts";
import { isSchema } from "./json_schema.ts";
import type { BatchMessage } from "./messages.ts";

type Files = Pick<BatchMessage, "encoding" | "manifest">;

/** Throws `invalid` for a format that is not read. */
export function batchFormat({ encoding }: Files): "jsonl" | "parquet" {
  const { format, compression = "none" } = isSchema(encoding) ? encoding : {};
  // How its pages are compressed a Parquet file says itself.
  if (format === "parquet") return format;
  if (format === "jsonl" && (compression === "none" || compression === "gzip")) return format;
  throw new AppError(
    "invalid",
    `a BATCH is in the format ${JSON.stringify(format)} with the compression ${
      JSON.stringify(compression)
    }; ` +
      "set batch_config of the tap to the format jsonl or parquet, and to gzip or none",
  );
}

/**
 * The lines of a BATCH's files, JSON Lines that may be compressed by gzip, each with the name of its file:
 * https://sdk.meltano.com/en/latest/batch.html. The files have to be in the tap's own folder. Throws `invalid` for others, and
 * for files that cannot be read whole.
 */
export async function* batchLines(
  { encoding, manifest }: Files,
  folder: string,
  maxLineBytes: number,
): AsyncGenerator<{ readonly line: Uint8Array; readonly file: string }> {
  const isZipped = isSchema(encoding) && encoding["compression"] === "gzip";
  for (const url of manifest) {
    const path = await fileOf(url, folder);
    let bytes: ReadableStream<Uint8Array>;
    try {
      const file = await Deno.open(path);
      bytes = isZipped ? file.readable.pipeThrough(new DecompressionStream("gzip")) : file.readable;
    } catch (error) {
      throw fileError("read", url, error);
    }
    try {
      for await (const line of byteLines(bytes, maxLineBytes)) if (line.length > 0) yield { line, file: url };
    } catch (error) {
      if (error instanceof TypeError) {
        throw new AppError("invalid", `the file ${url} of a BATCH is no whole gzip file`, { cause: error });
      }
      throw error;
    }
  }
}

/** Where a BATCH's file is. Throws `invalid` for one that is not in the folder, by a link too, and what looking for it throws. */
export async function fileOf(url: string, folder: string): Promise<string> {
  const named = pathOf(url, folder);
  try {
    const path = await Deno.realPath(named);
    requireInside(path, await Deno.realPath(folder), url);
    return path;
  } catch (error) {
    throw fileError("read", url, error);
  }
}

function pathOf(url: string, folder: string): string {
  const path = url.startsWith("file:///")
    ? fileURLToPath(url)
    : url.startsWith("file://")
    ? resolve(folder, url.slice("file://".length))
    : resolve(folder, url);
  requireInside(path, folder, url);
  return path;
}

function requireInside(path: string, folder: string, url: string): void {
  const inside = relative(folder, path);
  if (inside !== "" && !inside.startsWith("..") && !inside.startsWith("/")) return;
  throw new AppError(
    "invalid",
    `a BATCH's file ${url} is not in the tap's own folder: leave out the root of its storage, or set it to file://batches`,
  );
}
