import { Buffer } from "node:buffer";
import type { ScratchFile } from "../../locations/scratch.ts";

/** Text is handed to the disk in pieces of about so many characters. */
const PIECE_CHARACTERS = 256 * 1024;

/**
 * Writes the plainest CSV: UTF-8, a comma, all values quoted and NULL as nothing, LF, no line of names. DuckDB
 * reads it without a doubt.
 */
export class PlainCsvWriter {
  readonly #file: ScratchFile;
  readonly #encoder = new TextEncoder();
  #lines: string[] = [];
  #characters = 0;
  #longest = 0;

  constructor(file: ScratchFile) {
    this.#file = file;
  }

  async write(values: readonly (string | null)[]): Promise<void> {
    let line = "";
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? null;
      if (index > 0) line += ",";
      if (value !== null) line += `"${value.includes('"') ? value.replaceAll('"', '""') : value}"`;
    }
    // A line of one NULL would be blank, which a reader may leave out.
    this.#lines.push(line === "" ? "," : line);
    this.#characters += line.length;
    if (line.length * 3 > this.#longest) this.#longest = Math.max(this.#longest, Buffer.byteLength(line));
    if (this.#characters >= PIECE_CHARACTERS) await this.#flush();
  }

  /** The most bytes that a line has. */
  async end(): Promise<number> {
    await this.#flush();
    return this.#longest + 1;
  }

  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#characters = 0;
    if (lines.length > 0) await this.#file.write(this.#encoder.encode(`${lines.join("\n")}\n`));
  }
}
