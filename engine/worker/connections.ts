import { parseConnector, parseStream, parseTarget } from "../../connectors/parse.ts";
import type { Clock } from "../../contract/clock.ts";
import type {
  Budget,
  Connection,
  Connector,
  Destination,
  Source,
  StreamRequest,
} from "../../contract/connector.ts";
import type { OpenDuckdb } from "../../contract/duckdb.ts";
import { AppError } from "../../contract/errors.ts";
import type { LogLevel } from "../../contract/log.ts";
import type { LoadDefinition, StreamDefinition } from "../../contract/pipeline.ts";
import type { ResolvedConnector } from "../../contract/job.ts";
import { PlaceBudget } from "./budget.ts";
import { threadedSource } from "./read_thread/threaded_source.ts";
import { StreamShape } from "./extract/stream_shape.ts";

export interface ConnectionsOptions {
  readonly connectors: readonly Connector[];
  readonly resolved: Readonly<Record<string, ResolvedConnector>>;
  readonly projectDir: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly openDuckdb: OpenDuckdb;
  readonly log: (level: LogLevel, message: string) => void;
  /** The program of threads that read large streams; without it all is read in this thread. */
  readonly readThread?: URL | undefined;
}

interface Opened {
  readonly connector: Connector;
  readonly connection: Connection;
  readonly budget: Budget;
}

/** The connectors of one job, each opened when it is first needed and closed with the job. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<string, Promise<Opened>>();
  readonly #parsedByName = new Map<string, ReturnType<typeof parseConnector>>();

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
    return { source, request: { name, address } };
  }

  #threaded(name: string, source: Source, budget: Budget): Source {
    const { readThread: program, resolved, projectDir, log } = this.#options;
    const definition = resolved[name];
    if (program === undefined || definition === undefined) return source;
    return threadedSource(source, budget, { program, name, resolved: definition, projectDir, log });
  }

  /** What is stored of the stream. Throws `invalid` where a mask by hash has no salt. */
  shape(name: string, stream: StreamDefinition): StreamShape {
    return new StreamShape(name, stream, this.#parsed(stream.connector).common.mask_salt);
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

  /** The most steps at a time that use the connector, or load into it. */
  limits(name: string): { readonly uses: number; readonly loads: number } {
    const { connector, common } = this.#parsed(name);
    const uses = common.max_connections;
    return { uses, loads: Math.min(uses, connector.loadsAtOnce ?? uses) };
  }

  /** A connection that failed is tried again by the next call. */
  async #get(name: string): Promise<Opened> {
    const opening = this.#open.get(name) ?? this.#connect(name);
    this.#open.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(name);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of this.#open.values()) {
      try {
        await (await opening).connection[Symbol.asyncDispose]();
      } catch {
        // What was committed is committed; a connection that closes badly changes nothing.
      }
    }
  }

  async #connect(name: string): Promise<Opened> {
    const { projectDir, signal, clock, openDuckdb, log } = this.#options;
    const { connector, config, common } = this.#parsed(name);
    const budget = new PlaceBudget(common.max_connections);
    const connection = await connector.open(config, {
      name,
      projectDir,
      signal,
      clock,
      budget,
      openDuckdb,
      log,
    });
    return { connector, connection, budget };
  }

  #parsed(name: string): ReturnType<typeof parseConnector> {
    const known = this.#parsedByName.get(name);
    if (known !== undefined) return known;
    const { resolved, connectors } = this.#options;
    const definition = resolved[name];
    if (definition === undefined) throw new AppError("invalid", `There is no connector "${name}"`);
    const parsed = parseConnector(connectors, name, definition);
    this.#parsedByName.set(name, parsed);
    return parsed;
  }
}
