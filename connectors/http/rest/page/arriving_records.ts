import type { ArrivingRows } from "../../../../contract/connector/source.ts";
import { AppError, toAppError } from "../../../../contract/errors.ts";
import type { JsonValue } from "../../../../contract/json.ts";
import {
  type AskedOfRows,
  type ColumnTypes,
  recordsSoFar,
  type RecordSurvey,
  type RelationSoFar,
} from "../../../files/record_scan.ts";
import type { StoredFile } from "../../../locations/location.ts";

/** The files of a stream's records while more of them are still being read. */
export class ArrivingRecords {
  readonly #survey: RecordSurvey;
  readonly #asked: AskedOfRows;
  readonly #columns: () => ColumnTypes;
  /** Since the last state that was committed. */
  #files: StoredFile[] = [];
  /** States that are not yet committed, each behind so many of the files. */
  #states: { readonly files: number; readonly state: JsonValue }[] = [];
  /** So many of the files, which made such types. */
  #given = 0;
  #types: string | undefined;
  #last: RelationSoFar | undefined;
  #fault: unknown;
  #more = Promise.withResolvers<void>();

  /**
   * The survey hears of all records, before they are in a file. `columns` says each time which of them are of a type whatever
   * their values are.
   */
  constructor(survey: RecordSurvey, asked: AskedOfRows, columns: () => ColumnTypes = () => ({})) {
    this.#survey = survey;
    this.#asked = asked;
    this.#columns = columns;
  }

  /** Takes a file that is finished. */
  add(file: StoredFile): void {
    this.#files.push(file);
    this.#wake();
  }

  /** The source's state behind the files so far; there is one that came after the last state. */
  addState(state: JsonValue): void {
    this.#states.push({ files: this.#files.length, state });
    this.#wake();
  }

  /** Leaves out files that came after the last state. They stay where they are: they may be being read. */
  drop(isDropped: (file: StoredFile) => boolean): void {
    const from = this.#states.at(-1)?.files ?? 0;
    this.#files = this.#files.filter((file, index) => index < from || !isDropped(file));
    if (from > 0) return;
    this.#given = 0;
    this.#types = undefined;
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /**
   * What the first files make; undefined where the reading ends before there is one, or where it is too early to tell. Throws
   * what the reading throws.
   */
  async beginning(reading: Promise<unknown>): Promise<string | undefined> {
    await Promise.race([reading, this.#more.promise]);
    try {
      return this.#files.length === 0 ? undefined : this.#soFar(0, this.#files.length).relation;
    } catch (error) {
      // What is at fault, the survey of all records says.
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }

  /**
   * All records, as they come, with the states behind them. Where a column or a type turns out to be another one, all since the last
   * state are given anew, but only once there are twice as many, or no more come: all of that together is no more than twice the
   * records. `reading` ends with the last file, if there is one; `onCommitted` is told of files that are needed no more. Throws
   * what the reading throws, and `invalid` for keys that cannot be columns.
   */
  async *rows(
    reading: Promise<StoredFile | undefined>,
    onCommitted: (files: readonly StoredFile[]) => Promise<void> = () => Promise.resolve(),
  ): AsyncGenerator<ArrivingRows> {
    let isOver = false;
    const over = reading.then((file) => {
      if (file !== undefined) this.#files.push(file);
      isOver = true;
    });
    // Whoever waits for it hears of it.
    over.catch(() => {});
    const have = async (files: number) => {
      while (!isOver && this.#states.length === 0 && this.#files.length < files) {
        await Promise.race([over, this.#more.promise]);
      }
    };
    try {
      for (;;) {
        await have(this.#given + 1);
        if (this.#files.length === this.#given) return;
        const isAnew = this.#soFar(this.#given, this.#files.length).types !== this.#types;
        if (isAnew) await have(2 * this.#given);
        const [next] = this.#states;
        const end = next?.files ?? this.#files.length;
        const rows = this.#soFar(isAnew ? 0 : this.#given, end);
        this.#given = end;
        this.#types = rows.types;
        yield { relation: rows.relation, isAnew, ...(next === undefined ? {} : { state: next.state }) };
        if (next === undefined) continue;
        await onCommitted(this.#files.splice(0, end));
        this.#states = this.#states.slice(1).map(({ files, state }) => ({ files: files - end, state }));
        this.#given = 0;
        this.#types = undefined;
      }
    } catch (error) {
      this.#fault = error;
      // A page that is read later may be at fault too: that comes first, as it does where all are read before.
      await over.catch((fault) => this.#fault = fault);
      throw this.#fault;
    }
  }

  /** Of an error that what was given last, or rows() itself, has made. */
  async explain(error: unknown): Promise<AppError> {
    if (error === this.#fault && error instanceof AppError) return error;
    return await this.#last?.explain(error) ?? toAppError(error);
  }

  #soFar(from: number, end: number): RelationSoFar {
    const columns = this.#columns();
    const files = this.#files.slice(0, end);
    return this.#last = recordsSoFar(files, from, this.#asked, this.#survey, columns);
  }
}
