import {
  connectorOf,
  parseCommonKeys,
  parseConnector,
  parseStream,
  parseTarget,
} from "../../connectors/parse.ts";
import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import type { Clock } from "../../contract/clock.ts";
import type {
  Budget,
  Connection,
  Connector,
  SandboxProgram,
  TextForms,
} from "../../contract/connector/connector.ts";
import type { Destination } from "../../contract/connector/destination.ts";
import type { DiscoveredStream, Source, StreamRequest } from "../../contract/connector/source.ts";
import type { OpenDuckdb } from "../../contract/duckdb.ts";
import { AppError } from "../../contract/errors.ts";
import type { LogLevel } from "../../contract/log.ts";
import type { CommonConnectorKeys, ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { LoadDefinition } from "../../contract/pipeline/load.ts";
import { type StreamDefinition, streamSchema } from "../../contract/pipeline/stream.ts";
import type { ResolvedConnector } from "../../contract/jobs/job_base.ts";
import type { SnapshotInputs } from "../../contract/snapshots/source.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import type { ServerRequests } from "./server_requests.ts";
import { PlaceBudget } from "./budget.ts";
import { threadedSource } from "./read_thread/threaded_source.ts";
import { StreamShape } from "./extract/stream_shape.ts";

export interface ConnectionsOptions {
  readonly connectors: readonly Connector[];
  /** References not resolved. */
  readonly definitions: Readonly<Record<string, ConnectorDefinition>>;
  /** Asked for a config when a connection is opened, for a secret when a connector wants one. */
  readonly requests: Omit<ServerRequests, "take">;
  readonly projectDir: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly openDuckdb: OpenDuckdb;
  /** Absolute; DuckDB may read it. */
  readonly scratchDir: string;
  readonly log: (level: LogLevel, message: string) => void;
  /** The program of threads that read large streams; without it all is read in this thread. */
  readonly readThread?: URL | undefined;
  /** See ConnectorContext. */
  readonly sandbox?: SandboxProgram | undefined;
  readonly python?: SandboxProgram | undefined;
  readonly scripts?: readonly RevisionFile[] | undefined;
  readonly published?: SnapshotInputs | undefined;
  /** See RunJob. */
  readonly traceparent?: string | undefined;
}

interface Opened {
  readonly connector: Connector;
  readonly connection: Connection;
  readonly budget: Budget;
  readonly common: CommonConnectorKeys;
  readonly config: ResolvedConnector["config"];
  /** Until when its credentials are good for further connections, by the clock. */
  untilMs: number;
}

/** What reads a load's target. */
export interface TargetSource {
  readonly source: Source;
  readonly request: StreamRequest;
  /** See ReadBack. */
  readonly texts?: TextForms;
}

/** The connectors of one job, each opened when it is first needed and closed with the job. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<string, Promise<Opened>>();
  /** In the place of which others were opened: steps may be at them still. */
  readonly #retired: Opened[] = [];

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** The source of a stream, and how it is asked for it. Throws what the connector's `open` throws. */
  async source(name: string, stream: StreamDefinition): Promise<{ source: Source; request: StreamRequest }> {
    const { connector, connection, budget } = await this.#get(stream.connector);
    const address = parseStream(connector, name, stream);
    if (connection.source === undefined) {
      throw new AppError("invalid", `Cannot extract "${name}": connector "${stream.connector}" is no source`);
    }
    const source = this.#threaded(stream.connector, connection.source, budget);
    const request: StreamRequest = {
      name,
      address,
      ...(stream.max_rejects !== 0 ? { setsAside: true } : {}),
      ...(stream.mode === "cdc" ? { isFollowed: true } : {}),
      ...(stream.mode === "append" && stream.update_key === undefined ? { addsOnly: true } : {}),
    };
    return { source, request };
  }

  /** The source that reads back what a load put into its target; a text says why nothing does. */
  async readBack(load: LoadDefinition): Promise<TargetSource | string> {
    const { connector, connection: { source } } = await this.#get(load.connector);
    const back = connector.readBack?.(parseTarget(connector, load));
    if (back === undefined || source === undefined) {
      return `${connector.name} cannot read what it has written`;
    }
    if (typeof back === "string") return back;
    const name = "back";
    const stream = v.parse(streamSchema, { ...back.stream, connector: load.connector });
    const request = { name, address: parseStream(connector, name, stream) };
    return { source, request, ...(back.texts === undefined ? {} : { texts: back.texts }) };
  }

  /** A connector's source, undefined for one that is none. Throws what the connector's `open` throws. */
  async sourceOf(connector: string): Promise<Source | undefined> {
    return (await this.#get(connector)).connection.source;
  }

  /** The open connection. Throws what the connector's `open` throws. */
  async connection(name: string): Promise<Connection> {
    return (await this.#get(name)).connection;
  }

  /** The streams that the connector has. Throws `invalid` where it cannot look for them. */
  async discover(name: string, signal: AbortSignal): Promise<AsyncIterable<DiscoveredStream>> {
    const { connector, connection: { source } } = await this.#get(name);
    if (source?.discover === undefined) {
      throw new AppError("invalid", `Connector "${name}" (${connector.name}) cannot say what streams it has`);
    }
    return source.discover(signal);
  }

  #threaded(name: string, source: Source, budget: Budget): Source {
    const { readThread: program, projectDir, scratchDir, log } = this.#options;
    if (program === undefined) return source;
    return threadedSource(source, budget, {
      program,
      name,
      resolve: () => this.#resolve(name),
      projectDir,
      scratchDir,
      log,
    });
  }

  /** What is stored of the stream. Throws `invalid` where a mask by hash has no salt. */
  async shape(name: string, stream: StreamDefinition): Promise<StreamShape> {
    const { common } = await this.#get(stream.connector);
    return new StreamShape(name, stream, common.mask_salt, this.#options.definitions[stream.connector]);
  }

  /** The destination of a load, and the target as its connector reads it. Throws what the connector's `open` throws. */
  async destination(load: LoadDefinition): Promise<{ destination: Destination; target: unknown }> {
    const { connector, connection } = await this.#get(load.connector);
    const target = parseTarget(connector, load);
    if (connection.destination === undefined) {
      throw new AppError("invalid", `Cannot load into "${load.connector}": it is no destination`);
    }
    return { destination: connection.destination, target };
  }

  /** Whether the load can stage its rows while they are read; not where nothing is known of its connector. */
  stagesWhileReading(load: LoadDefinition): boolean {
    try {
      const { connector } = this.#kindOf(load.connector);
      return connector.stagesWhileReading?.(parseTarget(connector, load)) ?? false;
    } catch {
      // The load's own step says what is wrong.
      return false;
    }
  }

  /** Whether DuckDB writes the load's rows by itself; not where nothing is known of its connector. */
  isWrittenByDuckdb(load: LoadDefinition): boolean {
    try {
      const { connector } = this.#kindOf(load.connector);
      return connector.isWrittenByDuckdb?.(parseTarget(connector, load)) ?? false;
    } catch {
      return false;
    }
  }

  /** Whether DuckDB reads the stream by itself; not where nothing is known of its connector. */
  isScanned(name: string, stream: StreamDefinition): boolean {
    try {
      const { connector } = this.#kindOf(stream.connector);
      return connector.isScanned?.(parseStream(connector, name, stream)) ?? false;
    } catch {
      return false;
    }
  }

  /** The most steps at a time that use the connector, or load into it. */
  limits(name: string): { readonly uses: number; readonly loads: number } {
    const { connector, common } = this.#kindOf(name);
    const uses = common.max_connections;
    return { uses, loads: Math.min(uses, connector.loadsAtOnce ?? uses) };
  }

  /** A connection that failed is tried again by the next call. */
  async #get(name: string): Promise<Opened> {
    const opening = this.#open.get(name) ?? this.#connect(name);
    this.#open.set(name, opening);
    try {
      const opened = await opening;
      if (opened.untilMs > this.#options.clock.now()) return opened;
      // Others who come meanwhile wait for the same one.
      const current = this.#open.get(name);
      const renewed = current === opening ? this.#renewed(name, opened) : current ?? opening;
      this.#open.set(name, renewed);
      return await renewed;
    } catch (error) {
      this.#open.delete(name);
      throw error;
    }
  }

  /** The connection with more time, where its credentials go on, else another one with others. */
  async #renewed(name: string, opened: Opened): Promise<Opened> {
    let goesOn = false;
    try {
      const found = await this.#options.requests.config(name);
      goesOn = isDeepStrictEqual(found.config, opened.config);
      if (!goesOn) return await this.#opened(name, found);
      opened.untilMs = this.#options.clock.now() + found.goodForMs;
      return opened;
    } finally {
      if (!goesOn) this.#retired.push(opened);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of [...this.#open.values(), ...this.#retired]) {
      try {
        await (await opening).connection[Symbol.asyncDispose]();
      } catch {
        // What was committed is committed; a connection that closes badly changes nothing.
      }
    }
  }

  async #connect(name: string): Promise<Opened> {
    const { requests } = this.#options;
    const found = await requests.config(name);
    try {
      return await this.#opened(name, found);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "unauthorized") throw error;
      // A password that was changed a moment ago is known to its store before it is to the server.
      const afresh = await requests.config(name, { isAfresh: true });
      if (isDeepStrictEqual(afresh.config, found.config)) throw error;
      return await this.#opened(name, afresh);
    }
  }

  async #opened(
    name: string,
    { config: values, goodForMs }: Awaited<ReturnType<ServerRequests["config"]>>,
  ): Promise<Opened> {
    const {
      connectors,
      requests,
      projectDir,
      signal,
      clock,
      openDuckdb,
      scratchDir,
      log,
      sandbox,
      python,
      published,
    } = this.#options;
    const untilMs = clock.now() + goodForMs;
    const resolved = { type: this.#definitionOf(name).type, config: values };
    const { connector, config, common } = parseConnector(connectors, name, resolved);
    const budget = new PlaceBudget(common.max_connections);
    const connection = await connector.open(config, {
      name,
      projectDir,
      signal,
      clock,
      budget,
      openDuckdb,
      scratchDir,
      log,
      secret: (secret) => requests.secret(secret),
      sandbox,
      python,
      script: (path) => this.#script(path),
      traceparent: this.#options.traceparent,
      posted: (webhook, afterSeq) => requests.posted(webhook, afterSeq),
      snapshot: (name) => published?.[name],
      memoryOf: (pid) => requests.memoryOf(pid),
      wayOut: (host) => requests.wayOut(host),
      turn: (host, limit, during) => requests.turn(host, limit, during),
      accessToken: (request, renew) => requests.accessToken(name, request, renew),
      hold: (host, waitMs) => void requests.hold(host, waitMs).catch(() => {}),
    });
    return { connector, connection, budget, common, config: values, untilMs };
  }

  #script(path: string): string {
    const file = this.#options.scripts?.find((one) => one.path === path);
    if (file !== undefined) return file.content;
    throw new AppError("invalid", `The revision has no script "${path}": apply the project once more`);
  }

  /** As the server has it now. */
  async #resolve(name: string): Promise<ResolvedConnector> {
    const { type } = this.#definitionOf(name);
    return { type, config: (await this.#options.requests.config(name)).config };
  }

  /** What is known of a connector before its config is: no secret. */
  #kindOf(name: string): { readonly connector: Connector; readonly common: CommonConnectorKeys } {
    const { type, ...config } = this.#definitionOf(name);
    return {
      connector: connectorOf(this.#options.connectors, name, type),
      common: parseCommonKeys(name, config),
    };
  }

  #definitionOf(name: string): ConnectorDefinition {
    const { definitions } = this.#options;
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (definition === undefined) throw new AppError("invalid", `There is no connector "${name}"`);
    return definition;
  }
}
