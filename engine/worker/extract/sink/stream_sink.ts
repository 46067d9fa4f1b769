import type { RecordBatch, Schema } from "apache-arrow";
import type { Cursor, Reject, Scan, StreamRequest } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { SourceTotal } from "../../../../contract/jobs/reports.ts";
import type { JsonValue } from "../../../../contract/json.ts";
import type { Column } from "../../../../contract/sql.ts";
import type { Transaction } from "../../../duckdb/session.ts";
import { addDeleteMark, dedupeTable } from "../../../warehouse/raw_rows.ts";
import {
  nextTable,
  nextTableName,
  swapInNextTable,
  tableColumns,
  textColumns,
} from "../../../warehouse/raw_table.ts";
import { forgetJudgedAgain } from "../../../warehouse/rejects.ts";
import {
  forgetParts,
  greatestValue,
  type StreamState,
  type UnfinishedRead,
  writeState,
} from "../../../warehouse/stream_state.ts";
import { fillTable } from "../fill_table.ts";
import { isOneStatement, tellShare } from "../progress/scan_share.ts";
import type { StreamShape } from "../stream_shape.ts";
import { tellSchema } from "../tell_schema.ts";
import { BatchIntake } from "./batch_intake.ts";
import { putIncoming, reportContract } from "./incoming_rows.ts";
import { checkKeyColumns } from "./replacing.ts";
import { SinkChildren, type WrittenChild } from "./sink_children.ts";
import { type SinkOptions, type SinkStart, startSink } from "./sink_start.ts";
import { SinkTable } from "./sink_table.ts";
import { ValidatedRead } from "./validated_read.ts";

export interface Extracted {
  /** Rows that the source gave, in all attempts of the run. */
  readonly rows: number;
  readonly sizeBytes: number | null;
  readonly rejects: number;
  /** Rows that are gone at the source; absent where nobody has looked for them. */
  readonly deletes?: number;
  /** None where the source has never had a record to tell them by. */
  readonly columns: readonly Column[];
  /** Whether the columns are others than before. */
  readonly hasNewSchema: boolean;
  /** How many files DuckDB read them from. */
  readonly files?: number;
  /** Its child tables. */
  readonly children: readonly WrittenChild[];
  /** The source has what it had before: the rows are those of an earlier run. */
  readonly isUnchanged?: boolean;
}

/**
 * Where the rows of one stream go while it is read, and its state with them. A stream that keeps its
 * old rows gets the new ones merged at each checkpoint; one that is replaced grows in a table beside
 * it, which takes its place at the end, so that nobody sees half of it. What was committed before an
 * attempt failed, the next attempt of the same run goes on from. Disposing without `finish` drops
 * what came after the last checkpoint.
 */
export class StreamSink implements AsyncDisposable {
  readonly #options: SinkOptions;
  readonly #start: SinkStart;
  #state: StreamState;
  /** The last state of the source, of this attempt or an earlier one. */
  #sourceState: JsonValue | undefined;
  #transaction: Transaction;
  readonly #intake: BatchIntake;
  readonly #table: SinkTable;
  #hasInput = false;
  /** See Scan.repeats. */
  #repeats = false;
  #rows: number;
  #sizeBytes: number;
  #files: number | undefined;
  #total: SourceTotal | undefined;
  readonly #children: SinkChildren;
  readonly #validated: ValidatedRead;
  /** Columns of the table that the source does not have. */
  #missing: readonly string[] = [];

  private constructor(options: SinkOptions, transaction: Transaction, start: SinkStart) {
    this.#options = options;
    this.#transaction = transaction;
    this.#start = start;
    this.#state = start.state;
    this.#intake = new BatchIntake(options.session, options.name);
    this.#table = new SinkTable(options, start);
    this.#children = new SinkChildren(options, start.rejects);
    this.#validated = new ValidatedRead(options, start.state.validated);
    this.#rows = start.before?.rows ?? 0;
    this.#sizeBytes = start.before?.sizeBytes ?? 0;
    this.#sourceState = start.isReplacing ? start.before?.source : start.state.source;
  }

  /** Begins a transaction of the session. */
  static async open(options: SinkOptions): Promise<StreamSink> {
    const transaction = await options.session.begin();
    try {
      return new StreamSink(options, transaction, await startSink(options));
    } catch (error) {
      await transaction[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What the source is asked to go on from. */
  get position(): Pick<StreamRequest, "cursor" | "until" | "state"> {
    const { until } = this.#options;
    return {
      ...(until === undefined ? {} : { until }),
      ...(this.#start.from === undefined ? {} : { cursor: this.#start.from }),
      ...(this.#sourceState === undefined ? {} : { state: this.#sourceState }),
    };
  }

  /** For a source that guesses types: the columns that hold text already. */
  async heldTexts(): Promise<Pick<StreamRequest, "texts">> {
    const { session, name } = this.#options;
    return this.#start.isReplacing ? {} : { texts: await textColumns(session, name) };
  }

  /** Whether the table will have the rows that this attempt takes, all of them and no others. */
  get storesAsRead(): boolean {
    const { mode } = this.#options.stream;
    return this.#start.isReplacing && this.#start.before === undefined && mode !== "incremental" &&
      this.#children.isNone;
  }

  /** For a source that may find nothing changed: what came with the rows that are there, if they are those still. */
  async validators({ fingerprint }: StreamShape): Promise<Pick<StreamRequest, "validators">> {
    const { fullRefresh, again } = this.#options;
    if (fingerprint === undefined || again !== undefined) return {};
    return await this.#validated.ask(fingerprint, !fullRefresh && this.#start.before === undefined);
  }

  /** The end of a stream whose source has what it had: its rows and its state stay. */
  async keep(record: (extracted: Extracted) => Promise<void>): Promise<Extracted> {
    const { session, name, runId } = this.#options;
    const { validated } = this.#state;
    if (validated === undefined) throw new AppError("internal", "The source was not asked what has changed");
    await writeState(session, name, { validated }, runId);
    const extracted: Extracted = {
      rows: 0,
      sizeBytes: null,
      rejects: 0,
      columns: await tableColumns(session, "raw", name),
      hasNewSchema: false,
      children: await this.#children.written(),
      isUnchanged: true,
    };
    await record(extracted);
    await this.#transaction.commit();
    return extracted;
  }

  /** Takes rows, also with more or other columns than those before them. */
  async take(batch: RecordBatch): Promise<void> {
    const { onProgress } = this.#options;
    this.#hasInput = true;
    await this.#intake.append(batch, () => this.#table.target());
    this.#rows += batch.numRows;
    this.#sizeBytes += batch.data.byteLength;
    onProgress(this.#rows, this.#sizeBytes, this.#total);
  }

  /** What the source says that there is in all. */
  expect(total: SourceTotal | undefined): void {
    this.#total = total;
  }

  /** There are no rows, and of their columns `schema` is known at most: the stream's table keeps those that it has. */
  async takeNothing(schema?: Schema): Promise<void> {
    this.#hasInput = true;
    await this.#table.makeEmpty(schema);
  }

  /** Takes all rows of a relation that DuckDB reads, in their shape; at states of the source what came so far is committed. */
  async fill(scan: Scan, shape: StreamShape, signal: AbortSignal): Promise<void> {
    const { session, onProgress } = this.#options;
    this.#repeats = scan.repeats === true;
    const sizeBytes = this.#sizeBytes;
    if (scan.hasNoColumns) await this.takeNothing();
    else {
      const position = this.#repeats && this.#options.again === undefined ? {} : this.position;
      const target = async () => {
        this.#table.forget();
        return await this.#intake.beside(await this.#table.target());
      };
      const onState = async (rows: number, state: JsonValue) => {
        this.#rows += rows;
        this.#sizeBytes = sizeBytes + scan.sizeBytes;
        onProgress(this.#rows, this.#sizeBytes);
        await (this.#mayResume ? this.checkpoint(state) : this.#settle());
      };
      const onRows = (rows: number) => onProgress(this.#rows + rows, null);
      const total = { bytes: sizeBytes + scan.sizeBytes };
      using _share = isOneStatement(scan)
        ? await tellShare(
          session,
          (share) => onProgress(this.#rows, sizeBytes + Math.floor(share * scan.sizeBytes), total),
        )
        : undefined;
      this.#rows += await fillTable(
        { session, target, position, rejects: this.#start.rejects, onState, onRows },
        scan,
        shape,
        signal,
      );
    }
    await scan.verify();
    this.#validated.took(scan.validators);
    this.#sourceState = scan.state;
    this.#hasInput = true;
    this.#sizeBytes = sizeBytes + scan.sizeBytes;
    this.#files = scan.files.length;
  }

  /**
   * Whether another attempt may go on from a state of a scan: the source may send rows about that state again, which are found by
   * their primary key, or where rows are put beside those from before.
   */
  get #mayResume(): boolean {
    const { mode, update_key: updateKey } = this.#options.stream;
    return !this.#start.isReplacing || mode === "incremental" || updateKey === undefined;
  }

  /** Keeps a row that does not fit. Throws `invalid` where the stream allows no more of them. */
  async reject(reject: Reject): Promise<void> {
    await this.#start.rejects.take(reject);
  }

  /** Commits the rows so far together with the source's state, and goes on in a new transaction. */
  async checkpoint(source: JsonValue): Promise<void> {
    const { session, name, runId, onCheckpoint } = this.#options;
    this.#hasInput = true;
    this.#sourceState = source;
    await this.#settle();
    const unfinished: UnfinishedRead = {
      runId,
      isReplacing: this.#start.isReplacing,
      rows: this.#rows,
      sizeBytes: this.#sizeBytes,
      ...(this.#start.isReplacing ? { source } : {}),
    };
    const cursor = this.#start.isReplacing ? this.#state.cursor : await this.#findCursor();
    this.#state = {
      ...(cursor === undefined ? {} : { cursor }),
      ...(this.#start.isReplacing
        ? this.#state.source === undefined ? {} : { source: this.#state.source }
        : { source }),
      ...(this.#state.window === undefined ? {} : { window: this.#state.window }),
      unfinished,
    };
    await writeState(session, name, this.#state, runId);
    onCheckpoint?.("before checkpoint");
    await this.#transaction.commit();
    onCheckpoint?.("after checkpoint");
    this.#transaction = await session.begin();
  }

  /** The end of the stream: all of it is there, or what `record` throws leaves nothing. */
  async finish(
    record: (extracted: Extracted) => Promise<void>,
    applyDeletes?: () => Promise<number>,
  ): Promise<Extracted> {
    const { session, name, stream, runId } = this.#options;
    if (!this.#hasInput && this.#start.before === undefined) {
      throw new AppError("internal", "The source gave no batch, not even an empty one");
    }
    await this.#settle();
    this.#start.rejects.check(this.#rows);
    if (this.#start.rejects.hasEarlier) {
      await forgetJudgedAgain(session, name, runId, { isWhole: this.#start.isReplacing });
    }
    if (this.#start.isReplacing) {
      if (this.#table.hasColumns) await checkKeyColumns(session, name, stream, nextTableName(name));
      if (this.#table.hasColumns && stream.mode === "incremental") {
        await dedupeTable(session, name, stream, nextTable(name));
      }
      if (this.#table.hasColumns && stream.deletes === "soft") await addDeleteMark(session, nextTable(name));
      await this.#children.replace({ isKnown: this.#table.hasColumns });
      await swapInNextTable(session, name);
      if (this.#start.before?.parts !== undefined) await forgetParts(session, name);
    }
    const deletes = this.#start.isReplacing ? undefined : await this.#delete(applyDeletes);
    const cursor = await this.#findCursor();
    const source = stream.mode === "full" ? undefined : this.#sourceState;
    const state: StreamState = {
      ...(cursor === undefined ? {} : { cursor }),
      ...(source === undefined ? {} : { source }),
      ...this.#table.hasColumns ? await this.#validated.state() : {},
    };
    if (!isEmpty(state) || !isEmpty(this.#state)) await writeState(session, name, state, runId);
    const columns = this.#table.hasColumns ? await tableColumns(session, "raw", name) : [];
    const hasNewSchema = columns.length > 0 &&
      await tellSchema(this.#options, { columns, missing: this.#missing });
    const extracted: Extracted = {
      rows: this.#rows,
      sizeBytes: this.#sizeBytes,
      rejects: this.#start.rejects.taken,
      columns,
      hasNewSchema,
      children: await this.#children.written(),
      ...(deletes === undefined ? {} : { deletes }),
      ...(this.#files === undefined ? {} : { files: this.#files }),
    };
    await record(extracted);
    await this.#transaction.commit();
    return extracted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#intake[Symbol.asyncDispose]();
    await this.#transaction[Symbol.asyncDispose]();
  }

  /** Writes what has been taken to where it belongs. */
  async #settle(): Promise<void> {
    const { session, name, stream, again, onWarning } = this.#options;
    await this.#intake.finish();
    await this.#start.rejects.write();
    if (this.#start.isReplacing || !this.#table.isBegun) return;
    const held = {
      session,
      name,
      stream,
      again,
      cursor: this.#start.cursor,
      from: this.#repeats ? undefined : this.#start.from,
      hasSourceState: this.#sourceState !== undefined && !this.#repeats,
    };
    const report = reportContract(this.#start.rejects, onWarning, (columns) => this.#missing = columns);
    if (this.#children.isNone) await putIncoming(held, report);
    else await this.#children.put(held, report);
    this.#table.forget();
  }

  /** What is gone at the source is gone here, with its children; returns how many rows that were. */
  async #delete(applyDeletes: (() => Promise<number>) | undefined): Promise<number | undefined> {
    await this.#children.makeMissing();
    if (applyDeletes === undefined) return undefined;
    const count = await applyDeletes();
    await this.#children.delete();
    return count;
  }

  /** The greatest update_key of what is there now. */
  async #findCursor(): Promise<Cursor | undefined> {
    const { session, name, stream, onWarning } = this.#options;
    if (stream.mode === "full" || stream.update_key === undefined || !this.#table.hasColumns) {
      return undefined;
    }
    // What was read again says nothing of what comes before it and after it.
    if (this.#options.again !== undefined) return this.#start.cursor;
    const { cursor, endless } = await greatestValue(session, name, stream.update_key);
    if (endless > 0) {
      onWarning(
        `${endless} ${endless === 1 ? "row has" : "rows have"} an infinite or NaN ${stream.update_key}: ` +
          `the cursor passes them by, and they are read again each time`,
      );
    }
    // Where no value is left to go by, the stream goes on from where it was.
    const before = this.#start.isReplacing ? undefined : this.#start.cursor;
    return cursor ?? before;
  }
}

/** Of such a state the warehouse has no row. */
const isEmpty = (state: StreamState): boolean => Object.keys(state).length === 0;
