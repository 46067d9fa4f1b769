/**
 * A server that speaks as much of MySQL's protocol as it takes to be let in and looked at, and then
 * says what a test wants it to say.
 */
export interface HostileMysql extends AsyncDisposable {
  readonly url: string;
  /** The statements that it was sent. */
  readonly heard: readonly string[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const COM_QUERY = 0x03;
const PLUGIN = "mysql_native_password";

/** One packet; `announced` tells another length than it has. */
export function packet(sequence: number, payload: Iterable<number>, announced?: number): Uint8Array {
  const bytes = Uint8Array.from(payload);
  const length = announced ?? bytes.length;
  const whole = new Uint8Array(bytes.length + 4);
  whole.set([length & 0xff, (length >> 8) & 0xff, length >> 16, sequence & 0xff]);
  whole.set(bytes, 4);
  return whole;
}

export const text = (value: string): Uint8Array => encoder.encode(value);

/** A text with its length before it, up to 250 bytes. */
export const value = (content: string): number[] => [text(content).length, ...text(content)];

export const OK = [0x00, 0, 0, 2, 0, 0, 0];
export const EOF = [0xfe, 0, 0, 2, 0];

export const error = (errno: number, message: string): number[] => [
  0xff,
  errno & 0xff,
  errno >> 8,
  ...text(`#HY000${message}`),
];

/** The description of a column of that type; 3 is INT, 253 VARCHAR. */
export function column(name: string, type: number): number[] {
  const collation = type === 253 ? 45 : 63;
  const sizes = [0xff, 0, 0, 0, type, 0, 0, 0, 0, 0];
  return [
    ...value("def"),
    ...value(""),
    ...value("t"),
    ...value("t"),
    ...value(name),
    ...value(name),
    12,
    collation,
    0,
    ...sizes,
  ];
}

/** The packets of a result, numbered from 1. */
export function result(
  columns: readonly number[][],
  rows: readonly Iterable<number>[],
  end: Iterable<number> = EOF,
): Uint8Array[] {
  const payloads = [[columns.length], ...columns, EOF, ...rows, end];
  return payloads.map((payload, i) => packet(i + 1, payload));
}

export interface HostilePlan {
  /** What greets a client; a greeting that lets everybody in where left out. */
  readonly greeting?: readonly Uint8Array[];
  /** What follows the client's answer to the greeting; lets everybody in where left out. */
  readonly signIn?: readonly Uint8Array[];
  /** What follows the statement that reads the rows; may go on for ever. */
  rows?(): Iterable<Uint8Array>;
  /** Whether the connection is cut after the rows. */
  readonly hangsUp?: boolean;
  /** The columns of the table; one INT where left out. */
  readonly columns?: readonly number[][];
}

export const COLUMNS = [column("id", 3)];

/** Protocol 10, without TLS. */
export function greeting(plugin = PLUGIN): Uint8Array {
  const capabilities = 0xffff & ~0x0800;
  return packet(0, [
    10,
    ...text("8.4.0-hostile\0"),
    7,
    0,
    0,
    0,
    ...text("12345678\0"),
    capabilities & 0xff,
    capabilities >> 8,
    45,
    2,
    0,
    // PLUGIN_AUTH and SECURE_CONNECTION among the upper capabilities.
    0x0a,
    0x00,
    21,
    ...new Uint8Array(10),
    ...text("123456789012\0"),
    ...text(`${plugin}\0`),
  ]);
}

export function startHostileMysql(plan: HostilePlan): HostileMysql {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving: Promise<void>[] = [];
  const connections = new Set<Deno.TcpConn>();
  const heard: string[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      serving.push(serve(connection, plan, heard).finally(() => connections.delete(connection)));
    }
  })();
  return {
    url: `mysql://u:p4ssw0rd@127.0.0.1:${listener.addr.port}/d`,
    heard,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of connections) await connection.closeWrite().catch(() => {});
      await accepting;
      await Promise.all(serving);
    },
  };
}

async function serve(connection: Deno.TcpConn, plan: HostilePlan, heard: string[]): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    await say(connection, plan.greeting ?? [greeting()]);
    if (await connection.read(buffer) === null) return;
    await say(connection, plan.signIn ?? [packet(2, OK)]);
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) break;
      if (buffer[4] !== COM_QUERY) continue;
      const statement = decoder.decode(buffer.subarray(5, length));
      heard.push(statement);
      const isOfRows = /^SELECT `id`/.test(statement);
      await say(connection, isOfRows ? plan.rows?.() ?? [] : answer(statement, plan));
      if (isOfRows && plan.hangsUp === true) break;
    }
  } catch {
    // The client has had enough, or the test has.
  } finally {
    connection.close();
  }
}

/** To what the connector looks at before it reads. */
function answer(statement: string, plan: HostilePlan): readonly Uint8Array[] {
  const columns = plan.columns ?? COLUMNS;
  if (statement.startsWith("SELECT VERSION()")) {
    return result([column("v", 253), column("m", 253)], [[...value("8.4.0"), ...value("")]]);
  }
  if (/^SELECT \*.* LIMIT 0$/s.test(statement)) return result(columns, []);
  if (statement.startsWith("SELECT")) return result([column("n", 253)], []);
  if (statement.startsWith("SHOW")) return result([column("l", 253), column("c", 253), column("m", 253)], []);
  return [packet(1, OK)];
}

async function say(connection: Deno.TcpConn, packets: Iterable<Uint8Array>): Promise<void> {
  for (const bytes of packets) {
    for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
  }
}
