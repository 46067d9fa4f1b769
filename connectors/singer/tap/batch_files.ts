import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "../../../contract/errors.ts";
import { byteLines } from "../command/byte_lines.ts";
import { fileError } from "../../locations/file_error.ts";
import { isSchema } from "./json_schema.ts";
import type { BatchMessage } from "./messages.ts";

/**
 * The lines of a BATCH's files, JSON Lines that may be compressed by gzip, each with the name of its file:
 * https://sdk.meltano.com/en/latest/batch.html. The files have to be in the tap's own folder. Throws `invalid` for others, and
 * for files that cannot be read whole.
 */
export async function* batchLines(
  { encoding, manifest }: BatchMessage,
  folder: string,
  maxLineBytes: number,
): AsyncGenerator<{ readonly line: Uint8Array; readonly file: string }> {
  const { format, compression = "none" } = isSchema(encoding) ? encoding : {};
  if (format !== "jsonl" || compression !== "none" && compression !== "gzip") {
    throw new AppError(
      "invalid",
      `a BATCH is in the format ${JSON.stringify(format)} with the compression ${
        JSON.stringify(compression)
      }; ` +
        "set batch_config of the tap to the format jsonl, and to gzip or none",
    );
  }
  for (const url of manifest) {
    const named = pathOf(url, folder);
    let bytes: ReadableStream<Uint8Array>;
    try {
      const path = await Deno.realPath(named);
      requireInside(path, await Deno.realPath(folder), url);
      const file = await Deno.open(path);
      bytes = compression === "gzip"
        ? file.readable.pipeThrough(new DecompressionStream("gzip"))
        : file.readable;
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
