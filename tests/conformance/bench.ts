import * as v from "valibot";
import type { Connection } from "../../contract/connector/connector.ts";
import type { Destination, LoadInput, LoadReceipt } from "../../contract/connector/destination.ts";
import type { Cursor, Source, StreamRequest, Until } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import type { Column } from "../../contract/sql.ts";
import { connectorContext, performLoad, streamOf, targetOf } from "../support/connections.ts";
import type { Fixture, RunningSystem } from "./fixture.ts";
import { type PartialLoad, shapeFor, Warehouse } from "./warehouse.ts";

/** A system of a connector, a connection to it, and a warehouse on the other side. */
export class Bench implements AsyncDisposable {
  readonly fixture: Fixture;
  readonly system: RunningSystem;
  readonly warehouse: Warehouse;
  readonly connection: Connection;
  readonly signal = new AbortController().signal;

  private constructor(fixture: Fixture, system: RunningSystem, warehouse: Warehouse, connection: Connection) {
    this.fixture = fixture;
    this.system = system;
    this.warehouse = warehouse;
    this.connection = connection;
  }

  static async start(fixture: Fixture): Promise<Bench> {
    const system = await fixture.start();
    const { connector } = fixture;
    const config = v.parse(connector.configSchema, system.config);
    const connection = await connector.open(config, connectorContext(system.projectDir));
    return new Bench(fixture, system, await Warehouse.open(system.projectDir), connection);
  }

  /** Loads the rows of a SELECT by the engine's own load. */
  async load(table: string, select: string, load: PartialLoad): Promise<LoadReceipt> {
    return await this.warehouse.load(this.destination, this.target(table), select, load, this.signal);
  }

  async loadInput(
    table: string,
    input: LoadInput,
    load: PartialLoad,
    signal: AbortSignal = this.signal,
  ): Promise<LoadReceipt> {
    const target = this.target(table);
    const { loadId, mode, primaryKey = [] } = load;
    const request = { loadId, target, ...shapeFor(mode, primaryKey) };
    return await performLoad(this.destination, { ...request, input }, signal);
  }

  get destination(): Destination {
    const { destination } = this.connection;
    if (destination === undefined) throw new Error("the connector is no destination");
    return destination;
  }

  get source(): Source {
    const { source } = this.connection;
    if (source === undefined) throw new Error("the connector is no source");
    return source;
  }

  target(table: string): unknown {
    return targetOf(this.fixture.connector, this.system.target(table));
  }

  stream(table: string, cursor?: Cursor): StreamRequest {
    return streamOf(this.fixture.connector, this.system.stream(table), cursor);
  }

  /** The same for a stream's own keys. */
  streamOf(own: Readonly<Record<string, unknown>>): StreamRequest {
    return streamOf(this.fixture.connector, own);
  }

  /** Reads the table into the warehouse's table raw.back, by the engine's own extract; returns its columns. */
  async readBack(table: string): Promise<readonly Column[]> {
    return await this.readStream(this.stream(table));
  }

  async readStream(stream: StreamRequest): Promise<readonly Column[]> {
    return await this.warehouse.extract(this.source, stream, this.signal);
  }

  /** Reads a stream as a pipeline defines it, its columns, filter and masks included; returns what is stored. */
  async readShaped(own: Readonly<Record<string, unknown>>, salt: string): Promise<readonly Column[]> {
    return await this.warehouse.extract(this.source, this.streamOf(own), this.signal, own, salt);
  }

  /** The columns of such a stream as `check` finds them. */
  async describe(own: Readonly<Record<string, unknown>>, salt: string): Promise<readonly Column[]> {
    return await this.warehouse.describe(this.source, this.streamOf(own), this.signal, own, salt);
  }

  /** The same for the rows from a cursor on, up to the end of a window. */
  async readCursor(table: string, cursor: Cursor, until?: Until): Promise<void> {
    const stream = { ...this.stream(table, cursor), ...(until === undefined ? {} : { until }) };
    await this.warehouse.extractFrom(this.source, stream, cursor, this.signal);
  }

  async rowsBack(table: string, select?: string): Promise<string[]> {
    await this.readBack(table);
    return select === undefined ? await this.warehouse.textsBack() : await this.warehouse.texts(select);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    await this.warehouse[Symbol.asyncDispose]();
    await this.system[Symbol.asyncDispose]();
  }
}

/** What the work fails with. */
export async function failureOf(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

export const TWO_ROWS = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, name)";
export const OTHER_ROWS = "SELECT * FROM (VALUES (2, 'B'), (3, 'C')) AS t(id, name)";
