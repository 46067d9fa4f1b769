import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { RecordSurvey, WrappedRun } from "../../files/record_scan.ts";
import type { ArrivingRecords } from "../../http/rest/page/arriving_records.ts";
import { RecordFile } from "../../http/rest/page/record_file.ts";
import type { JsonText, Piece } from "../../http/rest/page/json_walk.ts";
import { DiskFile } from "../../locations/disk/disk_file.ts";
import { fileError } from "../../locations/file_error.ts";
import type { Scratch } from "../../locations/scratch.ts";

const MAX_VERSIONS = 100;
const NOTHING = new Uint8Array();

type Version = string | undefined;

export interface VersionsOptions {
  readonly scratch: Scratch;
  /** Hears of all records, of those too that are dropped in the end. */
  readonly survey: RecordSurvey | undefined;
  /** Gets the files that are finished while others are written, of records that are of the active version, or of none. */
  readonly arriving: ArrivingRecords | undefined;
  /** The version of the rows of before. */
  readonly active: Version;
  /** What the files are called in messages. */
  readonly shown: string;
}

/** The records of a stream by the version of its table that they are of: a tap says in the end which one holds. */
export class RecordVersions implements AsyncDisposable {
  readonly #options: VersionsOptions;
  /** Those that are written to. */
  readonly #open = new Map<Version, RecordFile>();
  readonly #tables: DiskFile[] = [];
  readonly #finished: { readonly file: DiskFile; readonly version: Version }[] = [];
  readonly #counts = new Map<Version, number>();
  #active: Version;
  #made = 0;
  #sizeBytes = 0;
  #hasGiven = false;

  constructor(options: VersionsOptions) {
    this.#options = options;
    this.#active = options.active;
  }

  /** Those that were not dropped. */
  get records(): number {
    return this.#counts.values().reduce((sum, count) => sum + count, 0);
  }

  /** Of the finished files. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** In the order of the records, as far as they are finished. */
  get files(): readonly DiskFile[] {
    return this.#finished.map(({ file }) => file);
  }

  /** Parquet files, in the place of all records. */
  get tables(): readonly DiskFile[] {
    return this.#tables;
  }

  /** Whether none of the records waits for its version to become the active one, or for the end of all. */
  get isSure(): boolean {
    return this.#tables.length === 0 && this.#open.keys().every((version) => this.#isSure(version));
  }

  /** Throws JsonFault for a record that is none. */
  async add(text: JsonText, record: Piece, version: Version): Promise<void> {
    const file = this.#open.get(version) ?? await this.#create(version);
    this.#count(version, 1);
    await file.add(text, record, NOTHING);
  }

  /** Adds records that the survey has read. Where it returns a promise the next record has to wait for it. */
  addLines(run: WrappedRun, version: Version): Promise<void> | undefined {
    const file = this.#open.get(version);
    if (file === undefined) return this.#create(version).then(() => this.addLines(run, version));
    this.#count(version, run.records);
    return file.addLines(run);
  }

  /** Takes a Parquet file, which is moved away. Throws `invalid` where there are other records. */
  async addTable(path: string, shown: string): Promise<void> {
    if (this.records > 0) throw mixed();
    const own = await this.#options.scratch.reserve(`table${this.#tables.length}.parquet`);
    try {
      await Deno.rename(path, own);
      this.#tables.push(new DiskFile(own, shown, await Deno.stat(own)));
    } catch (error) {
      throw fileError("read", shown, error);
    }
  }

  /** Drops records of other versions; those without one stay. */
  async activate(version: string): Promise<void> {
    this.#active = version;
    const isDropped = (other: Version) => other !== undefined && other !== version;
    for (const [other, file] of [...this.#open]) {
      if (!isDropped(other)) continue;
      this.#open.delete(other);
      await file[Symbol.asyncDispose]();
      await Deno.remove(file.path).catch(() => {});
    }
    const dropped = new Set(
      this.#finished.filter((part) => isDropped(part.version)).map(({ file }) => file.path),
    );
    if (dropped.size > 0) {
      this.#finished.splice(0, Infinity, ...this.#finished.filter(({ file }) => !dropped.has(file.path)));
      this.#options.arriving?.drop(({ path }) => dropped.has(path));
    }
    for (const other of [...this.#counts.keys()]) if (isDropped(other)) this.#counts.delete(other);
  }

  /** Lets all records so far be stored with the state. There are some that came after the last one, and they are sure. */
  async commit(state: JsonValue): Promise<void> {
    await this.#finishOpen();
    this.#finished.length = 0;
    this.#options.arriving?.addState(state);
  }

  /** Finishes all files that are left. Where there is no record, there is a file that nobody was given, unless there were some. */
  async finish(): Promise<void> {
    await this.#finishOpen();
    if (this.records > 0 || this.#tables.length > 0) return;
    const { path } = await this.#create(undefined);
    await this[Symbol.asyncDispose]();
    await this.#take(path, undefined, this.#hasGiven);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#open.values()) await file[Symbol.asyncDispose]();
    this.#open.clear();
  }

  #isSure(version: Version): boolean {
    return version === undefined || version === this.#active;
  }

  #count(version: Version, records: number): void {
    this.#counts.set(version, (this.#counts.get(version) ?? 0) + records);
  }

  async #create(version: Version): Promise<RecordFile> {
    const { scratch, survey, arriving } = this.#options;
    if (this.#tables.length > 0) throw mixed();
    if (this.#open.size >= MAX_VERSIONS) {
      throw new AppError(
        "invalid",
        `The tap sends records of more than ${MAX_VERSIONS} versions of its table`,
      );
    }
    const onPart = arriving !== undefined && this.#isSure(version)
      ? (path: string) => this.#take(path, version)
      : undefined;
    const file = await RecordFile.create(scratch, `records${this.#made++}.ndjson`, survey, onPart);
    this.#open.set(version, file);
    return file;
  }

  async #finishOpen(): Promise<void> {
    for (const [version, file] of [...this.#open]) {
      await file.finish();
      await file[Symbol.asyncDispose]();
      this.#open.delete(version);
      await this.#take(file.path, version);
    }
  }

  async #take(path: string, version: Version, isGiven = true): Promise<void> {
    const { arriving, shown } = this.#options;
    const named = this.#finished.length === 0 ? shown : `${shown}, part ${this.#finished.length + 1}`;
    const file = new DiskFile(path, named, await Deno.stat(path));
    this.#sizeBytes += file.sizeBytes;
    this.#finished.push({ file, version });
    if (!isGiven) return;
    this.#hasGiven = true;
    arriving?.add(file);
  }
}

const mixed = (): AppError =>
  new AppError("invalid", "the tap sends a stream's records as Parquet files and otherwise too");
