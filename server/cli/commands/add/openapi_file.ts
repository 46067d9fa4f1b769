import { resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import { type OpenApiReading, readOpenApi } from "../../../../engine/definitions/openapi/read_openapi.ts";
import { listWords } from "../../../../text/suggest.ts";

export interface OpenApiChoice {
  /** As it was typed. */
  readonly file: string;
  readonly baseUrl: string | undefined;
  readonly name: string | undefined;
  /** What the user gives for places of paths and parameters. */
  readonly values: Readonly<Record<string, string>>;
}

/** No description of an API is larger. */
const MAX_BYTES = 100_000_000;

/**
 * Reads the OpenAPI document of a file, with the streams that can be read with what is given. Throws `not_found` for a missing
 * file, `invalid` for one that is no such document, or of which every stream needs something that is not given.
 */
export async function chooseFromOpenApi(
  cwd: string,
  { file, baseUrl, name, values }: OpenApiChoice,
): Promise<{
  readonly name: string;
  readonly api: OpenApiReading["api"];
  readonly streams: readonly string[];
  readonly reading: OpenApiReading;
}> {
  if (/^https?:\/\//i.test(file)) {
    throw new AppError(
      "invalid",
      `Cannot read ${file}: --openapi takes a file; download it first, as by curl -o openapi.json ${file}`,
    );
  }
  const reading = readOpenApi(await textOf(resolve(cwd, file), file), { file, name, baseUrl });
  const missing = ([, needed]: readonly [string, readonly string[]]) =>
    needed.some((value) => !Object.hasOwn(values, value));
  const waiting = Object.entries(reading.needs).filter(missing);
  const waitingNames = new Set(waiting.map(([stream]) => stream));
  const streams = Object.keys(reading.api.streams).filter((stream) => !waitingNames.has(stream));
  if (streams.length === 0) {
    const needed = waiting.slice(0, 20).map(([stream, needs]) => `  ${stream}: ${listWords(needs)}`);
    throw new AppError(
      "invalid",
      `Every list of ${file} needs something that the document does not give: set it with --set NAME=VALUE`,
      { detail: needed.join("\n") },
    );
  }
  return { name: reading.name, api: reading.api, streams, reading };
}

async function textOf(path: string, shown: string): Promise<string> {
  const fail = (why: string, cause?: unknown) =>
    new AppError("invalid", `Cannot read ${shown}: ${why}`, cause === undefined ? {} : { cause });
  let bytes: Uint8Array;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw fail("it is no file");
    if (size > MAX_BYTES) throw fail(`it has ${Math.round(size / 1_000_000)} MB, 100 MB is the most`);
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new AppError("not_found", `There is no file ${shown}`, { cause: error });
    }
    throw fail(error instanceof Error ? error.message : String(error), error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw fail("it is not in UTF-8", error);
  }
}
