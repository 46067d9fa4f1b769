import type { RecordBatch, Schema } from "apache-arrow";
import type { Change, ChangesMessage } from "../../../contract/connector/changes.ts";
import type { FollowedStream, Source } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { createTable, TableIngest } from "../../duckdb/into/ingest.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { applyChanges, type ChangedStream, makeAlterable } from "../../warehouse/apply_changes.ts";
import { appendHistory, holdsHistory } from "../../warehouse/change_history.ts";
import { stageTable, stageTableName } from "../../warehouse/change_stage.ts";
import {
  hasColumns,
  nextTable,
  nextTableName,
  rawTable,
  swapInNextTable,
} from "../../warehouse/raw_table.ts";
import {
  readState,
  type StreamState,
  type UnfinishedRead,
  writeState,
} from "../../warehouse/stream_state.ts";
import { refuseFrozen } from "../../warehouse/stream_contract.ts";
import type { StreamShape } from "../extract/stream_shape.ts";
import { isSameSchema } from "../pass_through/schema_as_stored.ts";
import { stagedBatch } from "./staged_batch.ts";

export interface ChangeSinkOptions {
  readonly session: DuckSession;
  readonly name: string;
  readonly stream: StreamDefinition;
  readonly shape: StreamShape;
  readonly source: Source;
  readonly runId: string;
  readonly fullRefresh: boolean;
  readonly onProgress: (rows: number, sizeBytes: number) => void;
}

/** A place of a snapshot, for its rows in a history: it has no transaction of its own. */
const SNAPSHOT: Change = {
  operation: "snapshot",
  transaction: { position: "snapshot", committedAtUs: null },
};

/**
 * Takes the snapshot and the changes of one stream, in a transaction of who owns the session. A snapshot grows in
 * the stream's next table; changes wait in its stage until `settle`, or until their columns become others.
 */
export class ChangeSink implements AsyncDisposable {
  readonly #options: ChangeSinkOptions;
  #state: StreamState;
  #rows: number;
  #sizeBytes: number;
  #ingest: TableIngest | undefined;
  #isSnapshot = false;
  #hasStage = false;
  /** Whether the stream's table has rows that are not committed. */
  #isChanged = false;
  /** As the source gave it, and what is made of it. */
  #schema: Schema | undefined;
  #toShape: ((batch: RecordBatch) => RecordBatch) | undefined;
  #keys: readonly string[] = [];
  #sequence = 1;
  #lastChangeMs: number | undefined;

  private constructor(options: ChangeSinkOptions, state: StreamState) {
    this.#options = options;
    this.#state = state;
    const before = state.unfinished?.runId === options.runId ? state.unfinished : undefined;
    this.#rows = before?.rows ?? 0;
    this.#sizeBytes = before?.sizeBytes ?? 0;
    this.#lastChangeMs = state.lastChangeMs;
  }

  static async open(options: ChangeSinkOptions): Promise<ChangeSink> {
    return new ChangeSink(options, await readState(options.session, options.name));
  }

  get name(): string {
    return this.#options.name;
  }

  get counts(): { readonly rows: number; readonly sizeBytes: number } {
    return { rows: this.#rows, sizeBytes: this.#sizeBytes };
  }

  /** When the newest change that was taken was committed; undefined before the first. */
  get lastChangeMs(): number | undefined {
    return this.#lastChangeMs;
  }

  /** What the source is asked to go on from; nothing where the stream is to begin anew. */
  async position(): Promise<Pick<FollowedStream, "state">> {
    const { session, name, stream, runId, fullRefresh } = this.#options;
    const { source, unfinished } = this.#state;
    if (source === undefined || fullRefresh && unfinished?.runId !== runId) return {};
    if (!await hasColumns(session, name) || await holdsHistory(session, name) !== stream.history) return {};
    return { state: source };
  }

  /** Begins the rows of a snapshot. */
  async begin(): Promise<void> {
    const { session, name, stream, fullRefresh } = this.#options;
    await this.settle();
    this.#isSnapshot = true;
    if (!stream.history) await session.run(`DROP TABLE IF EXISTS ${nextTable(name)}`);
    else if (fullRefresh || !await holdsHistory(session, name)) await this.#dropTable();
  }

  async takeRows(batch: RecordBatch): Promise<void> {
    const { session, name, stream } = this.#options;
    if (stream.history) {
      return await this.#stage(batch, new Array<Change>(batch.numRows).fill(SNAPSHOT));
    }
    const shaped = this.#shaped(batch);
    if (this.#ingest === undefined) {
      const table = { schema: "raw", name: nextTableName(name) };
      await createTable(session, table, shaped.schema);
      this.#ingest = await TableIngest.start(session, table, shaped.schema);
    }
    await this.#ingest.append(shaped);
    this.#count(shaped);
  }

  async takeChanges({ batch, changes, primaryKey }: ChangesMessage): Promise<void> {
    // Of a row that has moved, what it keeps is looked up where it was.
    const isAlone = changes.some(({ isMoved, unchanged }) => isMoved === true && unchanged !== undefined);
    if (isAlone || !this.#hasSchema(batch)) await this.settle();
    const { schema } = this.#shaped(batch);
    this.#keys = primaryKey.map((place) => schema.fields[place]?.name ?? "");
    const committedAtUs = changes.at(-1)?.transaction.committedAtUs ?? null;
    if (committedAtUs !== null) this.#lastChangeMs = Number(committedAtUs / 1_000n);
    await this.#stage(batch, changes);
    if (isAlone) await this.settle();
  }

  /** Writes what the appender still holds, so that another table can have one. */
  async pause(): Promise<void> {
    const ingest = this.#ingest;
    this.#ingest = undefined;
    await ingest?.finish();
    await ingest?.[Symbol.asyncDispose]();
  }

  /** Brings what was taken to where it belongs. */
  async settle(): Promise<void> {
    const { session, name, stream } = this.#options;
    await this.pause();
    if (this.#isSnapshot && !stream.history) await this.#swapIn();
    this.#isSnapshot = false;
    if (!this.#hasStage) return;
    const changed: ChangedStream = { name, stream, keys: this.#keys };
    if (this.#isChanged) await makeAlterable(session, name);
    this.#isChanged = true;
    await (stream.history ? appendHistory(session, changed) : applyChanges(session, changed));
    await session.run(`DROP TABLE ${stageTable(name)}`);
    this.#hasStage = false;
    this.#sequence = 1;
  }

  /** A table that is read again by itself keeps to its contract. */
  async #swapIn(): Promise<void> {
    const { session, name, stream, fullRefresh } = this.#options;
    const isAgain = !fullRefresh && this.#state.source !== undefined && await hasColumns(session, name);
    if (isAgain) await refuseFrozen(session, name, stream, nextTable(name));
    await swapInNextTable(session, name);
  }

  /** Writes how far the stream is; to be called in the transaction of what was settled. */
  async writeState(source: JsonValue, isLast: boolean): Promise<void> {
    const { session, name, runId } = this.#options;
    const unfinished: UnfinishedRead = { runId, isReplacing: false, ...this.counts };
    this.#state = {
      source,
      ...(isLast ? {} : { unfinished }),
      ...(this.#lastChangeMs === undefined ? {} : { lastChangeMs: this.#lastChangeMs }),
    };
    await writeState(session, name, this.#state, runId);
    this.#isChanged = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ingest?.[Symbol.asyncDispose]();
  }

  async #stage(batch: RecordBatch, changes: readonly Change[]): Promise<void> {
    const { session, name } = this.#options;
    const shaped = this.#shaped(batch);
    if (changes.length !== batch.numRows) {
      throw new AppError("internal", "A change without its row, or a row without");
    }
    const staged = stagedBatch(shaped, changes, this.#sequence);
    const table = { schema: "_sluice", name: stageTableName(name) };
    if (!this.#hasStage) {
      await createTable(session, table, staged.schema);
      this.#hasStage = true;
    }
    this.#ingest ??= await TableIngest.start(session, table, staged.schema);
    await this.#ingest.append(staged);
    this.#sequence += changes.length;
    this.#count(shaped);
  }

  /** Each batch has a schema of its own, even where it says the same. */
  #hasSchema({ schema }: RecordBatch): boolean {
    return this.#schema !== undefined && isSameSchema(this.#schema, schema);
  }

  #shaped(batch: RecordBatch): RecordBatch {
    const { shape, source } = this.#options;
    if (this.#toShape === undefined || !this.#hasSchema(batch)) {
      this.#schema = batch.schema;
      this.#toShape = shape.batches(batch.schema, source);
    }
    return this.#toShape(batch);
  }

  #count(batch: RecordBatch): void {
    this.#rows += batch.numRows;
    this.#sizeBytes += batch.data.byteLength;
    this.#options.onProgress(this.#rows, this.#sizeBytes);
  }

  async #dropTable(): Promise<void> {
    const { session, name } = this.#options;
    await session.run(`DROP TABLE IF EXISTS ${rawTable(name)}`);
  }
}
