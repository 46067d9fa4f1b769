/**
 * A server that speaks as much of PostgreSQL's protocol as it takes to be let in, and then says what
 * a test wants it to say.
 */
export interface HostilePostgres extends AsyncDisposable {
  readonly url: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** One message of the server: its type, its length, its payload. `announced` tells another length than it has. */
export function message(
  type: string,
  payload: Uint8Array = new Uint8Array(),
  announced?: number,
): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, announced ?? payload.length + 4);
  bytes.set(payload, 5);
  return bytes;
}

export const text = (value: string): Uint8Array => encoder.encode(value);

export const authentication = (kind: number, data = ""): Uint8Array =>
  message("R", new Uint8Array([0, 0, 0, kind, ...text(data)]));

export const ready = (): Uint8Array => message("Z", text("I"));

export const notice = (words: string): Uint8Array => message("N", text(`SNOTICE\0C00000\0M${words}\0\0`));

export interface HostilePlan {
  /** What follows the client's startup message; lets everybody in where left out. */
  readonly signIn?: readonly Uint8Array[];
  /** What follows each later message of the client; may go on for ever. */
  answer?(heard: string): Iterable<Uint8Array>;
  /** Whether the connection is cut after the answer. */
  readonly hangsUp?: boolean;
  /** Told of everything that the client says. */
  onHeard?(bytes: Uint8Array): void;
}

const LET_IN = [authentication(0), ready()];

export function startHostilePostgres(plan: HostilePlan): HostilePostgres {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving: Promise<void>[] = [];
  const connections = new Set<Deno.TcpConn>();
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      serving.push(serve(connection, plan).finally(() => connections.delete(connection)));
    }
  })();
  return {
    url: `postgres://u:p4ssw0rd@127.0.0.1:${listener.addr.port}/d`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of connections) await connection.closeWrite().catch(() => {});
      await accepting;
      await Promise.all(serving);
    },
  };
}

async function serve(connection: Deno.TcpConn, plan: HostilePlan): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    await connection.read(buffer);
    await say(connection, plan.signIn ?? LET_IN);
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) break;
      plan.onHeard?.(buffer.slice(0, length));
      await say(connection, plan.answer?.(decoder.decode(buffer.subarray(0, length))) ?? []);
      if (plan.hangsUp === true) break;
    }
  } catch {
    // The client has had enough, or the test has.
  } finally {
    connection.close();
  }
}

async function say(connection: Deno.TcpConn, messages: Iterable<Uint8Array>): Promise<void> {
  for (const bytes of messages) {
    for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
  }
}
