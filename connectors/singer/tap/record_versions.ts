import { AppError } from "../../../contract/errors.ts";
import type { RecordSurvey } from "../../files/record_scan.ts";
import { RecordFile } from "../../http/rest/page/record_file.ts";
import type { JsonText, Piece } from "../../http/rest/page/json_walk.ts";
import { fileError } from "../../locations/file_error.ts";
import type { Scratch } from "../../locations/scratch.ts";

const MAX_VERSIONS = 100;
const NOTHING = new Uint8Array();

/** The records of a stream by the version of its table that they are of: a tap says in the end which one holds. */
export class RecordVersions implements AsyncDisposable {
  readonly #scratch: Scratch;
  readonly #survey: RecordSurvey | undefined;
  readonly #files = new Map<string | undefined, RecordFile>();
  #made = 0;

  /** The survey hears of all records, of those too that are dropped in the end. */
  constructor(scratch: Scratch, survey: RecordSurvey | undefined) {
    this.#scratch = scratch;
    this.#survey = survey;
  }

  get records(): number {
    return this.#files.values().reduce((sum, { records }) => sum + records, 0);
  }

  /** Throws JsonFault for a record that is none. */
  async add(text: JsonText, record: Piece, version: string | undefined): Promise<void> {
    let file = this.#files.get(version);
    if (file === undefined) {
      if (this.#files.size >= MAX_VERSIONS) {
        throw new AppError(
          "invalid",
          `The tap sends records of more than ${MAX_VERSIONS} versions of its table`,
        );
      }
      file = await RecordFile.create(this.#scratch, `records${this.#made++}.ndjson`, this.#survey);
      this.#files.set(version, file);
    }
    await file.add(text, record, NOTHING);
  }

  /** Drops records of other versions; those without one stay. Returns how many. */
  async activate(version: string): Promise<number> {
    let dropped = 0;
    for (const [other, file] of [...this.#files]) {
      if (other === undefined || other === version) continue;
      this.#files.delete(other);
      dropped += file.records;
      await file[Symbol.asyncDispose]();
      await Deno.remove(file.path).catch(() => {});
    }
    return dropped;
  }

  /** Makes one file of all that are left; returns its path. */
  async finish(): Promise<string> {
    if (this.#files.size === 0) {
      this.#files.set(undefined, await RecordFile.create(this.#scratch, "none.ndjson", this.#survey));
    }
    const paths: string[] = [];
    for (const file of this.#files.values()) {
      await file.finish();
      paths.push(file.path);
    }
    await this[Symbol.asyncDispose]();
    const [first = "", ...others] = paths;
    for (const path of others) await append(first, path);
    return first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) await file[Symbol.asyncDispose]();
    this.#files.clear();
  }
}

async function append(path: string, more: string): Promise<void> {
  try {
    const source = await Deno.open(more);
    const target = await Deno.open(path, { append: true });
    await source.readable.pipeTo(target.writable);
    await Deno.remove(more);
  } catch (error) {
    throw fileError("write", path, error);
  }
}
