import { fileURLToPath } from "node:url";

/**
 * Another process with a connection of its own to a SQLite file: POSIX locks keep processes apart,
 * never two connections of one. Disposing of it ends it, and with it whatever it held.
 */
export class OtherProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  constructor(path: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", fileURLToPath(import.meta.url), path],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Runs one SQL statement (on one line) and returns its rows. Throws what SQLite said. */
  async execute(sql: string): Promise<Record<string, unknown>[]> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(sql)}\n`));
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error("The other process is gone");
    const { rows, error } = JSON.parse(value);
    if (error !== undefined) throw new Error(error);
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#child.status;
    await this.#lines.return?.();
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

if (import.meta.main) {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(Deno.args[0] ?? "");
  for await (const line of linesOf(Deno.stdin.readable)) {
    let reply: unknown;
    try {
      reply = { rows: database.prepare(JSON.parse(line)).all() };
    } catch (error) {
      reply = { error: String(error) };
    }
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(reply)}\n`));
  }
  database.close();
}
