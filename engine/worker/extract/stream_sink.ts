import type { RecordBatch, Schema } from "apache-arrow";
import type { Cursor, Reject, Scan, StreamRequest, Until } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { SourceTotal } from "../../../contract/jobs/reports.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { type Column, findColumn, quoteIdentifier } from "../../../contract/sql.ts";
import type { DuckSession, Transaction } from "../../duckdb/session.ts";
import { addDeleteMark, dedupeTable } from "../../warehouse/raw_rows.ts";
import {
  hasColumns,
  incomingTable,
  incomingTableName,
  nextTable,
  nextTableName,
  rawTable,
  swapInNextTable,
  TABLE_WITHOUT_COLUMNS,
  tableColumns,
  textColumns,
} from "../../warehouse/raw_table.ts";
import { forgetJudgedAgain } from "../../warehouse/rejects.ts";
import {
  cursorOf,
  forgetParts,
  greatestValue,
  lookBack,
  readState,
  type StreamState,
  type UnfinishedRead,
  writeState,
} from "../../warehouse/stream_state.ts";
import { countRows, isStillThere, type ValidatedRows } from "../../warehouse/validated_rows.ts";
import { BatchIntake, type IntakeTarget } from "./batch_intake.ts";
import { fillTable } from "./fill_table.ts";
import type { AskedRange } from "./read_window.ts";
import { putIncoming, reportContract } from "./incoming_rows.ts";
import { isOneStatement, tellShare } from "./progress/scan_share.ts";
import { SinkChildren, type WrittenChild } from "./sink_children.ts";
import { checkKeyColumns, isReplacing } from "./replacing.ts";
import { StreamRejects } from "./stream_rejects.ts";
import { tellSchema } from "./tell_schema.ts";
import type { StreamShape } from "./stream_shape.ts";

export interface SinkOptions {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly runId: string;
  readonly attempt: number;
  readonly fullRefresh: boolean;
  /** Where the run's window ends. */
  readonly until?: Until;
  /** Rows that are read again: they are put in the place of those that are there, and the cursor stays. */
  readonly again?: AskedRange;
  /** With what the source says that there is in all. */
  readonly onProgress: (rows: number, sizeBytes: number | null, total?: SourceTotal) => void;
  readonly onWarning: (message: string) => void;
  /** Around each commit before the last. */
  readonly onCheckpoint?: (point: "before checkpoint" | "after checkpoint") => void;
}

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
  readonly #isReplacing: boolean;
  /** What an earlier attempt of this run has committed. */
  readonly #before: UnfinishedRead | undefined;
  readonly #cursor: Cursor | undefined;
  /** Where the source begins to read: the cursor, or what lies `lag` before it. */
  readonly #from: Cursor | undefined;
  #state: StreamState;
  /** The last state of the source, of this attempt or an earlier one. */
  #sourceState: JsonValue | undefined;
  #transaction: Transaction;
  readonly #intake: BatchIntake;
  /** Whether this attempt has made the table that rows go to until they are settled. */
  #isBegun = false;
  /** False where neither the source nor the table knows any. */
  #hasColumns = true;
  #hasInput = false;
  /** See Scan.repeats. */
  #repeats = false;
  #rows: number;
  #sizeBytes: number;
  #files: number | undefined;
  #total: SourceTotal | undefined;
  readonly #rejects: StreamRejects;
  readonly #children: SinkChildren;
  /** Of the definition, and of what was read by it. */
  #validated: Partial<Pick<ValidatedRows, "fingerprint" | "validators">> = {};
  /** Columns of the table that the source does not have. */
  #missing: readonly string[] = [];

  private constructor(
    options: SinkOptions,
    transaction: Transaction,
    start: {
      readonly state: StreamState;
      readonly before: UnfinishedRead | undefined;
      readonly isReplacing: boolean;
      readonly cursor: Cursor | undefined;
      readonly from: Cursor | undefined;
      readonly rejects: StreamRejects;
    },
  ) {
    this.#options = options;
    this.#transaction = transaction;
    this.#state = start.state;
    this.#before = start.before;
    this.#isReplacing = start.isReplacing;
    this.#cursor = start.cursor;
    this.#from = start.from;
    this.#rejects = start.rejects;
    this.#intake = new BatchIntake(options.session, options.name);
    this.#children = new SinkChildren(options, start.rejects);
    this.#rows = start.before?.rows ?? 0;
    this.#sizeBytes = start.before?.sizeBytes ?? 0;
    this.#sourceState = start.isReplacing ? start.before?.source : start.state.source;
  }

  /** Begins a transaction of the session. */
  static async open(options: SinkOptions): Promise<StreamSink> {
    const { session, name, stream, runId } = options;
    const transaction = await session.begin();
    try {
      const state = await readState(session, name);
      const before = state.unfinished?.runId === runId ? state.unfinished : undefined;
      const replaces = await isReplacing(session, options, state);
      if (replaces && before === undefined) {
        // What a run that never came to its end has left.
        await session.run(`DROP TABLE IF EXISTS ${nextTable(name)}`);
        if (state.unfinished?.parts !== undefined) await forgetParts(session, name);
      }
      const cursor = replaces || stream.update_key === undefined
        ? undefined
        : await cursorOf(session, name, stream.update_key, state);
      const from = options.again?.from ??
        (cursor === undefined || stream.lag === undefined
          ? cursor
          : await lookBack(session, name, cursor, stream.lag));
      const rejects = await StreamRejects.open(options);
      const start = { state, before, isReplacing: replaces, cursor, from, rejects };
      return new StreamSink(options, transaction, start);
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
      ...(this.#from === undefined ? {} : { cursor: this.#from }),
      ...(this.#sourceState === undefined ? {} : { state: this.#sourceState }),
    };
  }

  /** For a source that guesses types: the columns that hold text already. */
  async heldTexts(): Promise<Pick<StreamRequest, "texts">> {
    const { session, name } = this.#options;
    return this.#isReplacing ? {} : { texts: await textColumns(session, name) };
  }

  /** Whether the table will have the rows that this attempt takes, all of them and no others. */
  get storesAsRead(): boolean {
    const { mode } = this.#options.stream;
    return this.#isReplacing && this.#before === undefined && mode !== "incremental" && this.#children.isNone;
  }

  /** For a source that may find nothing changed: what came with the rows that are there, if they are those still. */
  async validators(shape: StreamShape): Promise<Pick<StreamRequest, "validators">> {
    const { session, name, stream, fullRefresh, again } = this.#options;
    const { fingerprint } = shape;
    if (fingerprint === undefined || again !== undefined) return {};
    this.#validated = { fingerprint };
    const known = this.#state.validated;
    if (fullRefresh || this.#before !== undefined || known?.fingerprint !== fingerprint) return {};
    return await isStillThere(session, name, stream, known) ? { validators: known.validators } : {};
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
    await this.#intake.append(batch, () => this.#target());
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
    const { name } = this.#options;
    this.#hasInput = true;
    if (await this.#hasTarget()) return;
    await this.#createEmpty(this.#isReplacing ? nextTable(name) : incomingTable(name), schema);
    this.#isBegun = true;
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
        this.#isBegun = false;
        return await this.#intake.beside(await this.#target());
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
        { session, target, position, rejects: this.#rejects, onState, onRows },
        scan,
        shape,
        signal,
      );
    }
    await scan.verify();
    if (scan.validators !== undefined) this.#validated = { ...this.#validated, validators: scan.validators };
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
    return !this.#isReplacing || mode === "incremental" || updateKey === undefined;
  }

  /** Where batches go until they are settled. */
  async #target(): Promise<IntakeTarget> {
    const { name } = this.#options;
    const table = this.#isReplacing
      ? { schema: "raw", name: nextTableName(name) }
      : { schema: "_sluice", name: incomingTableName(name) };
    const isThere = this.#isBegun || await this.#hasTarget();
    this.#isBegun = true;
    return { table, isThere };
  }

  /** Files without a record say nothing of columns: the stream's table keeps those that it has. */
  async #createEmpty(target: string, schema: Schema | undefined): Promise<void> {
    const { session, name, stream } = this.#options;
    const known = schema === undefined ? [] : session.columnsOf(schema);
    const held = await hasColumns(session, name) ? await tableColumns(session, "raw", name) : [];
    const { primary_key: key = [], update_key: order } = stream;
    const isEnough = [...key, ...order === undefined ? [] : [order]].every((one) => findColumn(known, one));
    this.#hasColumns = held.length > 0 || known.length > 0 && isEnough;
    const typed = (held.length > 0 ? held : known).flatMap((column) => {
      const type = findColumn(known, column.name)?.type;
      return type === undefined ? [] : [`CAST(NULL AS ${type}) AS ${quoteIdentifier(column.name)}`];
    });
    const replaced = typed.length === 0 ? "" : `REPLACE (${typed.join(", ")})`;
    const none = held.length > 0
      ? `SELECT * ${replaced} FROM ${rawTable(name)} WHERE false`
      : this.#hasColumns
      ? `SELECT ${typed.join(", ")} WHERE false`
      : TABLE_WITHOUT_COLUMNS;
    await session.run(`CREATE TABLE ${target} AS ${none}`);
  }

  /** Keeps a row that does not fit. Throws `invalid` where the stream allows no more of them. */
  async reject(reject: Reject): Promise<void> {
    await this.#rejects.take(reject);
  }

  /** Commits the rows so far together with the source's state, and goes on in a new transaction. */
  async checkpoint(source: JsonValue): Promise<void> {
    const { session, name, runId, onCheckpoint } = this.#options;
    this.#hasInput = true;
    this.#sourceState = source;
    await this.#settle();
    const unfinished: UnfinishedRead = {
      runId,
      isReplacing: this.#isReplacing,
      rows: this.#rows,
      sizeBytes: this.#sizeBytes,
      ...(this.#isReplacing ? { source } : {}),
    };
    const cursor = this.#isReplacing ? this.#state.cursor : await this.#findCursor();
    this.#state = {
      ...(cursor === undefined ? {} : { cursor }),
      ...(this.#isReplacing
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
    if (!this.#hasInput && this.#before === undefined) {
      throw new AppError("internal", "The source gave no batch, not even an empty one");
    }
    await this.#settle();
    this.#rejects.check(this.#rows);
    await forgetJudgedAgain(session, name, runId, { isWhole: this.#isReplacing });
    if (this.#isReplacing) {
      if (this.#hasColumns) await checkKeyColumns(session, name, stream, nextTableName(name));
      if (this.#hasColumns && stream.mode === "incremental") {
        await dedupeTable(session, name, stream, nextTable(name));
      }
      if (this.#hasColumns && stream.deletes === "soft") await addDeleteMark(session, nextTable(name));
      await this.#children.replace({ isKnown: this.#hasColumns });
      await swapInNextTable(session, name);
      if (this.#before?.parts !== undefined) await forgetParts(session, name);
    }
    const deletes = this.#isReplacing ? undefined : await this.#delete(applyDeletes);
    const cursor = await this.#findCursor();
    const source = stream.mode === "full" ? undefined : this.#sourceState;
    const state: StreamState = {
      ...(cursor === undefined ? {} : { cursor }),
      ...(source === undefined ? {} : { source }),
      ...await this.#validatedRows(),
    };
    await writeState(session, name, state, runId);
    const columns = this.#hasColumns ? await tableColumns(session, "raw", name) : [];
    const hasNewSchema = columns.length > 0 &&
      await tellSchema(this.#options, { columns, missing: this.#missing });
    const extracted: Extracted = {
      rows: this.#rows,
      sizeBytes: this.#sizeBytes,
      rejects: this.#rejects.taken,
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
    await this.#rejects.write();
    if (this.#isReplacing || !this.#isBegun) return;
    const held = {
      session,
      name,
      stream,
      again,
      cursor: this.#cursor,
      from: this.#repeats ? undefined : this.#from,
      hasSourceState: this.#sourceState !== undefined && !this.#repeats,
    };
    const report = reportContract(this.#rejects, onWarning, (columns) => this.#missing = columns);
    if (this.#children.isNone) await putIncoming(held, report);
    else await this.#children.put(held, report);
    this.#isBegun = false;
  }

  /** What is gone at the source is gone here, with its children; returns how many rows that were. */
  async #delete(applyDeletes: (() => Promise<number>) | undefined): Promise<number | undefined> {
    await this.#children.makeMissing();
    if (applyDeletes === undefined) return undefined;
    const count = await applyDeletes();
    await this.#children.delete();
    return count;
  }

  /** What the next run may ask the source with. */
  async #validatedRows(): Promise<Pick<StreamState, "validated">> {
    const { session, name } = this.#options;
    const { fingerprint, validators } = this.#validated;
    if (fingerprint === undefined || validators === undefined || !this.#hasColumns) return {};
    return { validated: { fingerprint, validators, rows: await countRows(session, name) } };
  }

  async #hasTarget(): Promise<boolean> {
    if (!this.#isReplacing) return false;
    return (await tableColumns(this.#options.session, "raw", nextTableName(this.#options.name))).length > 0;
  }

  /** The greatest update_key of what is there now. */
  async #findCursor(): Promise<Cursor | undefined> {
    const { session, name, stream, onWarning } = this.#options;
    if (stream.mode === "full" || stream.update_key === undefined || !this.#hasColumns) return undefined;
    // What was read again says nothing of what comes before it and after it.
    if (this.#options.again !== undefined) return this.#cursor;
    const { cursor, endless } = await greatestValue(session, name, stream.update_key);
    if (endless > 0) {
      onWarning(
        `${endless} ${endless === 1 ? "row has" : "rows have"} an infinite or NaN ${stream.update_key}: ` +
          `the cursor passes them by, and they are read again each time`,
      );
    }
    // Where no value is left to go by, the stream goes on from where it was.
    const before = this.#isReplacing ? undefined : this.#cursor;
    return cursor ?? before;
  }
}
