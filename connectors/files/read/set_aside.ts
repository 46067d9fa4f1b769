import type { JsonValue } from "../../../contract/json.ts";
import { quoteLiteral } from "../../../contract/sql.ts";
import type { Scratch, ScratchFile } from "../../locations/scratch.ts";
import { escapeGlob } from "../file_set.ts";

/** Records that are no rows at all, in a file of the scratch folder that DuckDB reads. */
export class SetAsideRecords implements AsyncDisposable {
  readonly #file: ScratchFile;
  readonly #encoder = new TextEncoder();

  private constructor(file: ScratchFile) {
    this.#file = file;
  }

  static async create(scratch: Scratch): Promise<SetAsideRecords> {
    return new SetAsideRecords(await scratch.create("_sluice_set_aside.ndjson"));
  }

  async put(position: string, reason: string, row: JsonValue): Promise<void> {
    const record = { _sluice_reason: reason, _sluice_position: position, _sluice_row: JSON.stringify(row) };
    await this.#file.write(this.#encoder.encode(`${JSON.stringify(record).toWellFormed()}\n`));
  }

  /** With the columns that rejects have: see PreparedScan. */
  get select(): string {
    const path = quoteLiteral(escapeGlob(this.#file.path));
    return `SELECT * FROM read_json(${path}, format = 'newline_delimited', columns = ` +
      `{_sluice_reason: 'VARCHAR', _sluice_position: 'VARCHAR', _sluice_row: 'VARCHAR'}, ` +
      `maximum_object_size = ${MAX_RECORD_BYTES})`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

const MAX_RECORD_BYTES = 64 * 1024 * 1024;
