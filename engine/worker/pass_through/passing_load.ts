import { RecordBatch, type Schema } from "apache-arrow";
import type {
  Copied,
  CopyOptions,
  Destination,
  Load,
  LoadInput,
  LoadReceipt,
  LoadRequest,
} from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import type { RowTap } from "../extract/extract.ts";
import { complete, type Counted, type LoadPoints } from "../load.ts";
import { BatchQueue } from "./batch_queue.ts";
import { isSameSchema, schemaAsStored } from "./schema_as_stored.ts";

export interface PassingLoadOptions {
  /** Connects to the destination. */
  readonly connect: () => Promise<{ readonly destination: Destination; readonly request: LoadRequest }>;
  /** The schema in which the destination gets the rows; undefined where it cannot. By default that of their table. */
  readonly schemaOf?: (schema: Schema) => Schema | undefined;
  readonly signal: AbortSignal;
  readonly points: LoadPoints & { reach(point: "while staging"): void };
  readonly onStart: () => void;
  /** May throw: then the load fails with that. */
  readonly onGiveUp: (why: string) => void;
  readonly onProgress: (rows: number) => void;
}

/** Rows that DuckDB writes while it reads them. */
export interface CopiedRows {
  readonly schema: Schema;
  copyTo(path: string, options: CopyOptions): Promise<Copied>;
  /** What reading the rows has failed with, which is no failure of the load. */
  readonly failure: { readonly error: unknown } | undefined;
}

/**
 * A load that takes the rows of a stream while they are read: it is claimed before the first row is
 * asked for and stages what is given. Only `finish` applies and commits it; until then, whatever happens
 * leaves the destination as it was. Of a stream that is stored it is called when the warehouse has committed
 * that, so that the destination never has rows that the warehouse does not; of one that is not stored, at the
 * stream's end.
 *
 * The stream goes on where the load fails; `finish` throws what it failed with. Where the rows turn out
 * not to be those of the table, the load is given up (`isPassing` is false) and done as any other.
 */
export class PassingLoad implements RowTap, AsyncDisposable {
  readonly #options: PassingLoadOptions;
  readonly #queue = new BatchQueue();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #hash = Promise.withResolvers<string | null>();
  #state: "unused" | "open" | "given up" | "over" = "unused";
  #load: Load | undefined;
  #known: LoadReceipt | undefined;
  #failure: { readonly error: unknown } | undefined;
  #schemas: { readonly read: Schema; readonly stored: Schema } | undefined;
  #staging: Promise<void> | undefined;
  #rows = 0;

  constructor(options: PassingLoadOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    // The taker may wait for the next batch, and the source for room.
    this.#signal.addEventListener("abort", () => this.#queue.fail(this.#signal.reason), { once: true });
    // Nobody may ask for it.
    this.#hash.promise.catch(() => {});
  }

  /** Whether `finish` is to be called. If not, the load is done from the table when this one is disposed of. */
  get isPassing(): boolean {
    const hasEnd = this.#staging !== undefined || this.#known !== undefined || this.#failure !== undefined;
    return this.#state === "open" && hasEnd;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether the destination has this load from an earlier attempt. */
  get isLoaded(): boolean {
    return this.#known !== undefined;
  }

  async open(): Promise<void> {
    const { connect, points, onStart } = this.#options;
    onStart();
    this.#state = "open";
    try {
      const { destination, request } = await connect();
      if (destination.kind !== "transactional") {
        return await this.#giveUp("its destination takes rows in batches, each by itself");
      }
      this.#load = await destination.begin(request, this.#signal);
      this.#known = await this.#load.claim();
      if (this.#known === undefined) points.reach("after claim");
    } catch (error) {
      this.#fail(error);
    }
  }

  async take(batch: RecordBatch): Promise<void> {
    if (this.#state !== "open" || this.#known !== undefined || this.#failure !== undefined) return;
    this.#staging ??= this.#stage(batch.schema);
    const schemas = this.#schemas;
    if (schemas === undefined) {
      return await this.#giveUp("its types or values are others than those that a table gives back");
    }
    if (!isSameSchema(schemas.read, batch.schema)) {
      return await this.#giveUp("its columns changed while they were read");
    }
    if (batch.numRows > 0) await this.#queue.put(new RecordBatch(schemas.stored, batch.data));
  }

  end(): void {
    this.#queue.end();
  }

  /**
   * In the place of `take` and `end`, for a destination that DuckDB writes by itself: stages all rows, and returns how
   * many they are. Throws what reading them has failed with; what the destination fails with says `check`.
   */
  async copy(rows: CopiedRows): Promise<number> {
    this.check();
    try {
      await this.#load?.stage(this.#copyInput(rows));
    } catch (error) {
      if (rows.failure !== undefined) throw rows.failure.error;
      this.#fail(error);
    }
    return this.#rows;
  }

  /**
   * Applies and commits, as `carryOut` goes on after `stage`. `count` is asked for what the table has, or
   * for what was read where there is none. Throws what the load failed with, and `internal` where that is not
   * just the rows that were given.
   */
  async finish(
    count: () => Promise<Omit<Counted, "hash"> & { readonly hash: string | null }>,
  ): Promise<LoadReceipt> {
    this.check();
    if (this.#known !== undefined) {
      this.#state = "over";
      return this.#known;
    }
    const { rows, hash } = await count();
    this.#hash.resolve(hash);
    await this.#staging;
    this.check();
    if (this.#load === undefined || rows !== this.#rows) {
      throw new AppError("internal", `${this.#rows} rows were handed on of ${rows}; nothing is loaded`);
    }
    try {
      const receipt = await complete(this.#load, this.#options.points);
      this.#state = "over";
      return receipt;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** What was not committed leaves no trace. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close("over");
  }

  /** Undefined where the rows have to come from the table. */
  #stage(schema: Schema): Promise<void> | undefined {
    const load = this.#load;
    const stored = (this.#options.schemaOf ?? schemaAsStored)(schema);
    if (load === undefined || stored === undefined) return undefined;
    this.#schemas = { read: schema, stored };
    return load.stage(this.#input(stored)).catch((error) => this.#fail(error));
  }

  #copyInput(given: CopiedRows): LoadInput {
    return {
      schema: given.schema,
      rows: null,
      batches: () => {
        throw new AppError("internal", "Only DuckDB can write rows that it is reading");
      },
      copyTo: async (path, options) => {
        const copied = await given.copyTo(path, options);
        this.#options.onProgress(this.#rows = copied.rows);
        this.#options.points.reach("while staging");
        return copied;
      },
      hash: () => this.#hash.promise,
    };
  }

  #input(schema: Schema): LoadInput {
    const { points, onProgress } = this.#options;
    const queue = this.#queue;
    const count = (rows: number) => onProgress(this.#rows += rows);
    return {
      schema,
      rows: null,
      batches: async function* () {
        for await (const batch of queue.batches()) {
          yield batch;
          count(batch.numRows);
          points.reach("while staging");
        }
      },
      copyTo: () => Promise.reject(new AppError("internal", "DuckDB cannot write rows that are being read")),
      hash: () => this.#hash.promise,
    };
  }

  /** Throws what the load has failed with. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#queue.leave();
  }

  async #giveUp(why: string): Promise<void> {
    this.#options.onGiveUp(why);
    await this.#close("given up");
  }

  /** Stops what goes on, and lets go of the destination. */
  async #close(state: "given up" | "over"): Promise<void> {
    const isOver = this.#state === "over";
    this.#state = state;
    if (!isOver) {
      const reason = new AppError("cancelled", "The rows are not loaded while they are read");
      this.#stop.abort(reason);
      this.#hash.reject(reason);
      await this.#staging;
    }
    const load = this.#load;
    this.#load = undefined;
    await load?.[Symbol.asyncDispose]();
  }
}
