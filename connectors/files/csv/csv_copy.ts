import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import { fileError } from "../../locations/file_error.ts";
import { CsvReader } from "./csv_reader.ts";
import { type CsvPlan, faultError, fitRecord } from "./csv_scan.ts";
import type { CsvFile } from "./csv_setup.ts";

/** What a copy of a file for DuckDB is. */
export interface CsvCopy {
  /** Absolute. */
  readonly path: string;
  /** Of its longest line. */
  readonly lineBytes: number;
}

/** Text is handed to the disk in pieces of about so many bytes. */
const PIECE_CHARACTERS = 256 * 1024;

/**
 * Writes the rows of a file as the plainest CSV: UTF-8, a comma, all values quoted and NULL as nothing, LF.
 * There is no line of names. Throws `invalid` for the first record that does not fit, `unavailable` where
 * the disk is full.
 */
export async function copyCsv(
  plan: CsvPlan,
  source: CsvFile,
  names: readonly string[],
  path: string,
  signal: AbortSignal,
): Promise<CsvCopy> {
  const { setup } = plan;
  const { shown } = source.file;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await using output = await CopyFile.create(path);
    let isHeader = setup.header;
    for await (const record of new CsvReader(source, setup).records(signal)) {
      if (record.kind === "fault") throw faultError(shown, record, plan.options.max_line_bytes);
      if (isHeader) {
        isHeader = false;
        continue;
      }
      const values = fitRecord(shown, record, names.length, setup.padsRows);
      if (values !== undefined) await output.write(values);
    }
    return { path, lineBytes: await output.end() };
  } catch (error) {
    signal.throwIfAborted();
    throw fileError("write", `the copy of ${shown}`, error);
  }
}

class CopyFile implements AsyncDisposable {
  readonly #file: Deno.FsFile;
  readonly #encoder = new TextEncoder();
  #lines: string[] = [];
  #characters = 0;
  #longest = 0;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  static async create(path: string): Promise<CopyFile> {
    return new CopyFile(await Deno.open(path, { write: true, create: true, truncate: true }));
  }

  async write(values: readonly (string | null)[]): Promise<void> {
    let line = "";
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (index > 0) line += ",";
      if (value !== null && value !== undefined) {
        line += `"${value.includes('"') ? value.replaceAll('"', '""') : value}"`;
      }
    }
    // A line of one NULL would be blank, which a reader may leave out.
    this.#lines.push(line === "" ? "," : line);
    this.#characters += line.length;
    if (line.length * 3 > this.#longest) this.#longest = Math.max(this.#longest, Buffer.byteLength(line));
    if (this.#characters >= PIECE_CHARACTERS) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = this.#encoder.encode(this.#lines.map((line) => `${line}\n`).join(""));
    this.#lines = [];
    this.#characters = 0;
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
  }

  /** The most bytes that a line has. */
  async end(): Promise<number> {
    await this.#flush();
    return this.#longest + 1;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#file.close();
    return Promise.resolve();
  }
}
