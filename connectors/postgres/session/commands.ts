import type { Submittable } from "pg";
import pg from "pg";
import { GatedConnection } from "./gated_connection.ts";
import { fillCopyDataHeader } from "./copy_data.ts";
import { ConnectionLostError, describeSocketError, ServerError } from "./server_error.ts";

/** A column of a result as the server describes it. */
export interface ResultColumn {
  readonly name: string;
  readonly typeOid: number;
  /** -1 where the type has no modifier. */
  readonly typeModifier: number;
}

interface RowDescription {
  readonly fields: readonly {
    readonly name: string;
    readonly dataTypeID: number;
    readonly dataTypeModifier: number;
  }[];
}

/** A command as pg's client takes it; pg calls the handlers as the server's messages come. */
export abstract class Command implements Submittable {
  /** The first thing that went wrong. */
  failure: Error | undefined;
  /** What pg says by itself of a connection that is of no more use. */
  unusable: Error | undefined;
  /** Of the last statement, as `INSERT 0 3`. */
  tag = "";

  submit(connection: pg.Connection): void {
    if (!(connection instanceof GatedConnection)) throw new TypeError("expected a connection with a gate");
    this.send(connection);
  }

  protected abstract send(connection: GatedConnection): void;

  handleError(error: Error): void {
    this.failure ??= toServerError(error);
    this.unusable ??= error;
  }

  handleRowDescription(_description: RowDescription): void {}
  handleDataRow(_row: { readonly fields: (string | null)[] }): void {}

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.tag = text;
  }

  handleCopyInResponse(connection: pg.Connection): void {
    connection.sendCopyFail("no rows to copy");
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleReadyForQuery(): void {}
}

/**
 * Runs one command to its end. Throws what went wrong first, at the server or on the way;
 * ConnectionLostError where the connection ended before the command did.
 */
export async function runCommand(
  { client, connection }: { readonly client: pg.Client; readonly connection: GatedConnection },
  command: Command,
): Promise<void> {
  const ready = connection.gate.nextReady();
  client.query<Command>(command);
  try {
    await ready;
  } catch (error) {
    throw command.failure ?? error;
  }
  const failure = command.failure ?? command.unusable;
  if (failure !== undefined) throw failure;
}

/** pg's error of the server as ours; undefined for any other. */
export function toServerError(error: unknown): ServerError | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  const { severity = "ERROR", code = "XX000", message = "no message" } = error;
  const { detail, hint, position, where, table, column, constraint } = error;
  return new ServerError({
    severity,
    code,
    message,
    detail,
    hint,
    position,
    where,
    table,
    column,
    constraint,
  });
}

/** One or more statements by the simple protocol; the rows of the last that had some, as text. */
export class TextQuery extends Command {
  readonly #sql: string;
  rows: (string | null)[][] = [];

  constructor(sql: string) {
    super();
    this.#sql = checkText(sql);
  }

  protected override send(connection: GatedConnection): void {
    connection.query(this.#sql);
  }

  override handleRowDescription(): void {
    this.rows = [];
  }

  override handleDataRow({ fields }: { readonly fields: (string | null)[] }): void {
    this.rows.push(fields);
  }
}

/** The columns of a statement that is not run. */
export class Description extends Command {
  readonly #sql: string;
  columns: ResultColumn[] = [];

  constructor(sql: string) {
    super();
    this.#sql = checkText(sql);
  }

  protected override send(connection: GatedConnection): void {
    connection.parse({ name: "", text: this.#sql, types: [] }, true);
    connection.describe({ type: "S", name: "" }, true);
    connection.sync();
  }

  override handleRowDescription({ fields }: RowDescription): void {
    this.columns = fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
      name,
      typeOid: dataTypeID,
      typeModifier: dataTypeModifier,
    }));
  }
}

/** A `COPY … TO STDOUT`, whose rows go through the gate. */
export class CopyOut extends Command {
  readonly #sql: string;

  constructor(sql: string) {
    super();
    this.#sql = checkText(sql);
  }

  protected override send(connection: GatedConnection): void {
    connection.gate.startCopy();
    connection.query(this.#sql);
  }
}

/** A `COPY … FROM STDIN`. */
export class CopyIn extends Command {
  readonly #sql: string;
  readonly #chunks: AsyncIterable<Uint8Array>;
  #sending: Promise<void> = Promise.resolve();

  constructor(sql: string, chunks: AsyncIterable<Uint8Array>) {
    super();
    this.#sql = checkText(sql);
    this.#chunks = chunks;
  }

  /** Resolves when nothing more will be sent. */
  get sent(): Promise<void> {
    return this.#sending;
  }

  protected override send(connection: GatedConnection): void {
    connection.query(this.#sql);
  }

  override handleCopyInResponse(connection: pg.Connection): void {
    if (!(connection instanceof GatedConnection)) return super.handleCopyInResponse(connection);
    this.#sending = this.#sendAll(connection).catch((error) => this.handleError(error));
  }

  /** The next chunk is made while the last one is on its way; one at a time, so memory is bounded. */
  async #sendAll(connection: GatedConnection): Promise<void> {
    const iterator = this.#chunks[Symbol.asyncIterator]();
    const write = writerOf(connection);
    let underWay = Promise.resolve();
    try {
      for (;;) {
        const next = await iterator.next().then((result) => ({ result }), (error: unknown) => ({ error }));
        await underWay;
        if ("error" in next) {
          this.failure ??= next.error instanceof Error ? next.error : new Error(String(next.error));
          return connection.sendCopyFail("the rows could not be read");
        }
        // No use in sending the rest to a server that has failed.
        if (this.failure !== undefined || this.unusable !== undefined) return;
        if (next.result.done === true) return connection.endCopyFrom();
        fillCopyDataHeader(next.result.value);
        underWay = write(next.result.value);
        underWay.catch(() => {}); // Thrown by the await above, a chunk later.
      }
    } finally {
      await iterator.return?.();
    }
  }
}

/** Resolves when the bytes may be changed again; a write under way when the socket closes is never called back. */
function writerOf(connection: GatedConnection): (bytes: Uint8Array) => Promise<void> {
  let rejectWrite: ((reason: Error) => void) | undefined;
  void connection.gate.ended.then((reason) => rejectWrite?.(reason));
  return (bytes) =>
    new Promise((resolve, reject) => {
      rejectWrite = reject;
      connection.stream.write(bytes, (error) => {
        if (!error) return resolve();
        reject(new ConnectionLostError(describeSocketError(error), { cause: error }));
      });
    });
}

/** A zero byte would end the text early. */
function checkText(sql: string): string {
  if (sql.includes("\0")) throw new TypeError("Cannot send a text with a zero byte in it to PostgreSQL");
  return sql;
}
