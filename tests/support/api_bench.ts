import { ok } from "node:assert/strict";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import * as v from "valibot";
import { http } from "../../connectors/http/connector.ts";
import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { JsonValue } from "../../contract/json.ts";
import type { Cursor, ParentRow, Scan } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import type { Resolve } from "../../engine/grants/egress/host_guard.ts";
import { connectorContext, never, streamOf } from "./connections.ts";
import { guardedWay } from "./guarded_way.ts";

/** A server on a loopback port of its own. */
export class LocalServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  static async http(listener: RequestListener): Promise<LocalServer> {
    return await LocalServer.#listening(createHttpServer(listener));
  }

  /** `onRequest` is called once the head of a request is there. */
  static async raw(onRequest: (socket: Socket, count: number) => void): Promise<LocalServer> {
    let count = 0;
    return await LocalServer.#listening(createTcpServer((socket) => {
      socket.once("data", () => onRequest(socket, ++count));
    }));
  }

  static async #listening(server: Server): Promise<LocalServer> {
    const local = new LocalServer(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return local;
  }

  get port(): number {
    // A server that listens on a port has such an address.
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

/** An API whose requests are answered by a function: a value is sent as JSON. */
export async function startApi(
  answer: (url: URL, count: number, body: string) => unknown,
): Promise<LocalServer & { readonly asked: string[] }> {
  const asked: string[] = [];
  const server = await LocalServer.http((request, response) => {
    const url = new URL(request.url ?? "/", "http://api.test");
    let body = "";
    request.on("data", (piece) => body += piece);
    request.on("end", () => {
      asked.push(`${url.pathname}${url.search}`);
      const found = answer(url, asked.length, body);
      if (found instanceof Response) {
        void found.text().then((text) =>
          response.writeHead(found.status, Object.fromEntries(found.headers)).end(text)
        );
        return;
      }
      response.writeHead(200, { "content-type": "application/json" });
      response.end(typeof found === "string" ? found : JSON.stringify(found));
    });
  });
  return Object.assign(server, { asked });
}

export interface ReadOptions {
  /** Further keys of the connector. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly cursor?: Cursor;
  readonly parentRows?: readonly ParentRow[];
  readonly signal?: AbortSignal;
  /** Rules for private hosts; the loopback address by default. */
  readonly privateHosts?: readonly string[];
  readonly resolve?: Resolve;
  /** What the connection finds around it in the place of what there is by default. */
  readonly context?: Partial<ConnectorContext>;
  /** Of the stream. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Told of the waits, which take no time. */
  readonly waits?: number[];
  /** Told of what the step says of the read. */
  readonly messages?: string[];
  /** Of an earlier read; asks whether it is still what the API has. */
  readonly validators?: JsonValue;
  /** Told of the scan. */
  readonly onScan?: (scan: Scan) => void;
  /** The rows may be stored while they come; told of those that were, and whether a table was begun for them. */
  readonly onStored?: (isAnew: boolean) => void;
}

/** Reads the endpoint as a step does. Returns its rows by column. Throws what a run would fail with. */
export async function readEndpoint(
  baseUrl: string,
  endpoint: unknown,
  options: ReadOptions = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { cursor, parentRows, signal = never(), privateHosts = ["127.0.0.1"], resolve } = options;
  const folder = await Deno.makeTempDir({ prefix: "sluice-api-" });
  const config = v.parse(http.configSchema, { base_url: baseUrl, timeout: 2, ...options.config });
  const request = streamOf(
    http,
    { endpoint, options: options.options ?? {} },
    cursor,
  );
  // As it is for every stream of an endpoint.
  const use = { kind: "source", stream: request.address as never } as const;
  const hosts = http.access(config, use, { name: "api", projectDir: folder }).guardedHosts ?? [];
  await using way = guardedWay(hosts, privateHosts, resolve);
  const waits = options.waits ?? [];
  try {
    await using connection = await http.open(
      config,
      connectorContext(folder, {
        clock: {
          now: Date.now,
          sleep: (waitMs) => {
            waits.push(waitMs);
            return Promise.resolve();
          },
        },
        wayOut: way.wayOut,
        ...options.context,
      }),
    );
    const scan = await connection.source?.scan?.({
      ...request,
      ...(options.validators === undefined ? {} : { validators: options.validators }),
      ...(options.onStored === undefined ? {} : { mayGuess: true }),
      ...(parentRows === undefined ? {} : { parentRows: () => Promise.resolve(parentRows) }),
    }, signal);
    ok(scan !== undefined);
    options.onScan?.(scan);
    options.messages?.push(...(scan.messages ?? []).map(({ message }) => message));
    if (scan.hasNoColumns === true) return [];
    await using database = await openDatabase({ path: ":memory:", allowedDirectories: [folder], threads: 2 });
    await using session = await database.session();
    try {
      if (scan.arriving !== undefined) {
        for await (const { relation, isAnew } of scan.arriving(signal)) {
          const into = isAnew ? "CREATE OR REPLACE TABLE stored AS" : "INSERT INTO stored";
          await session.run(`${into} SELECT * FROM ${relation}`);
          options.onStored?.(isAnew);
        }
        return await session.rows("SELECT * FROM stored");
      }
      await using prepared = await scan.prepare?.(signal);
      return await session.rows(`SELECT * FROM ${prepared?.relation ?? scan.relation}`);
    } catch (error) {
      throw await scan.explain(error);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The error of what must fail. */
export async function failureOf(work: Promise<unknown>): Promise<AppError> {
  let caught: unknown;
  await work.catch((error) => caught = error);
  ok(caught instanceof AppError, caught instanceof Error ? caught.stack : `no error: ${caught}`);
  return caught;
}
