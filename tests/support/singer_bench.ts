import { ok } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { singer } from "../../connectors/singer/connector.ts";
import type { Connection, ConnectorContext } from "../../contract/connector/connector.ts";
import type { StreamRequest } from "../../contract/connector/source.ts";
import type { JsonValue } from "../../contract/json.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { connectorContext, never, streamOf } from "./connections.ts";

/** Taps that are small scripts, read in this process as a step reads them. */
export class TapBench implements AsyncDisposable {
  readonly folder: string;
  readonly logged: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<TapBench> {
    return new TapBench(await Deno.makeTempDir({ prefix: "sluice-singer-" }));
  }

  /** A program of the text, as `#!/bin/sh` at its head; returns its path. */
  async program(text: string): Promise<string> {
    const path = join(this.folder, `tap-${crypto.randomUUID()}`);
    await Deno.writeTextFile(path, text, { mode: 0o755 });
    return path;
  }

  /** Of a shell script that prints the catalog of the streams where it is asked to discover, and does the rest otherwise. */
  async tap(
    body: string,
    schema: unknown = ORDERS,
    streams: readonly string[] = ["orders"],
  ): Promise<string> {
    const catalog = { streams: streams.map((stream) => ({ tap_stream_id: stream, stream, schema })) };
    return await this.program(
      `#!/bin/sh\ncase "$*" in *--discover*) cat <<'EOF'\n${
        JSON.stringify(catalog)
      }\nEOF\nexit 0;; esac\n${body}\n`,
    );
  }

  context(more: Partial<ConnectorContext> = {}): ConnectorContext {
    const log = (_level: string, message: string) => void this.logged.push(message);
    return connectorContext(this.folder, { log, ...more });
  }

  /** Reads the stream `orders` of the tap, of which `config` has further keys. Throws what a step would fail with. */
  async read(
    program: string,
    { config = {}, ...reading }: Reading & { readonly config?: Readonly<Record<string, unknown>> } = {},
  ): Promise<Taken> {
    const parsed = v.parse(singer.configSchema, { command: [program], ...config });
    await using connection = await singer.open(parsed, this.context());
    return await this.readFrom(connection, reading);
  }

  /** The same of a tap that is open. */
  async readFrom(
    { source }: Connection,
    { options = {}, signal = never(), stream = "orders", asTexts = false, ...more }: Reading,
  ): Promise<Taken> {
    const request = { ...streamOf(singer, { stream, options }), ...more };
    const scan = await source?.scan?.(request, signal);
    ok(scan !== undefined);
    await using database = await openDatabase({
      path: ":memory:",
      allowedDirectories: [this.folder],
      threads: 2,
    });
    await using session = await database.session();
    await using prepared = await scan.prepare?.(signal);
    try {
      const relation = prepared?.relation ?? scan.relation;
      const columns = await session.describe(`SELECT * FROM ${relation}`);
      return {
        rows: await session.rows(`SELECT ${asTexts ? "COLUMNS(*)::VARCHAR" : "*"} FROM ${relation}`),
        types: Object.fromEntries(columns.map(({ name, type }) => [name, type])),
        state: scan.state,
        rejects: prepared?.rejects === undefined
          ? []
          : await session.rows(`SELECT _sluice_reason AS reason FROM ${prepared.rejects}`),
      };
    } catch (error) {
      throw await scan.explain(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A named pipe in the folder: what reads it ends when nobody holds it open for writing any more. */
export async function madePipe(folder: string): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  ok(success);
  return path;
}

export type Reading = Partial<StreamRequest> & {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  readonly stream?: string;
  /** Values are their texts. */
  readonly asTexts?: boolean;
};

export interface Taken {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly types: Readonly<Record<string, string>>;
  readonly state: JsonValue | undefined;
  readonly rejects: readonly Readonly<Record<string, unknown>>[];
}

export const ORDERS = {
  type: "object",
  properties: { id: { type: "integer" }, name: { type: ["null", "string"] } },
};

/** A shell command that prints the messages, a line each; texts are lines as they are. */
export const says = (...messages: readonly unknown[]): string =>
  `cat <<'EOF'\n${
    messages.map((message) => typeof message === "string" ? message : JSON.stringify(message)).join("\n")
  }\nEOF`;

export const schemaOf = (schema: unknown = ORDERS, stream = "orders") => ({
  type: "SCHEMA",
  stream,
  schema,
  key_properties: ["id"],
});
export const recordOf = (record: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  type: "RECORD",
  stream: "orders",
  record,
  ...more,
});
export const stateOf = (value: unknown) => ({ type: "STATE", value });
