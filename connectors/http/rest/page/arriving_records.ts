import type { ArrivingRows } from "../../../../contract/connector/source.ts";
import { AppError, toAppError } from "../../../../contract/errors.ts";
import {
  type AskedOfRows,
  recordsSoFar,
  type RecordSurvey,
  type RelationSoFar,
} from "../../../files/record_scan.ts";
import type { StoredFile } from "../../../locations/location.ts";

/** The files of a stream's records while its pages are still being read. */
export class ArrivingRecords {
  readonly #survey: RecordSurvey;
  readonly #asked: AskedOfRows;
  readonly #files: StoredFile[] = [];
  #last: RelationSoFar | undefined;
  #fault: unknown;
  #more = Promise.withResolvers<void>();

  /** The survey hears of all records, before they are in a file. */
  constructor(survey: RecordSurvey, asked: AskedOfRows) {
    this.#survey = survey;
    this.#asked = asked;
  }

  /** Takes a file that is finished. */
  add(file: StoredFile): void {
    this.#files.push(file);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  /**
   * What the first files make; undefined where the reading ends before there is one, or where it is too early to tell. Throws
   * what the reading throws.
   */
  async beginning(reading: Promise<StoredFile>): Promise<string | undefined> {
    await Promise.race([reading, this.#more.promise]);
    try {
      return this.#files.length === 0 ? undefined : this.#soFar(0).relation;
    } catch (error) {
      // What is at fault, the survey of all records says.
      if (error instanceof AppError) return undefined;
      throw error;
    }
  }

  /**
   * All records, as they come. Where a column or a type turns out to be another one, all are given anew, but only once there are
   * twice as many, or no more come: all of that together is no more than twice the records. `reading` ends with the last file.
   * Throws what it throws, and `invalid` for keys that cannot be columns.
   */
  async *rows(reading: Promise<StoredFile>): AsyncGenerator<ArrivingRows> {
    let isOver = false;
    const over = reading.then((file) => {
      this.#files.push(file);
      isOver = true;
    });
    // Whoever waits for it hears of it.
    over.catch(() => {});
    const have = async (files: number) => {
      while (!isOver && this.#files.length < files) await Promise.race([over, this.#more.promise]);
    };
    let given = 0;
    let types: string | undefined;
    try {
      for (;;) {
        await have(given + 1);
        if (this.#files.length === given) return;
        const isAnew = this.#soFar(given).types !== types;
        if (isAnew) await have(2 * given);
        const rows = this.#soFar(isAnew ? 0 : given);
        given = this.#files.length;
        types = rows.types;
        yield { relation: rows.relation, isAnew };
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

  #soFar(from: number): RelationSoFar {
    return this.#last = recordsSoFar(this.#files, from, this.#asked, this.#survey);
  }
}
