import { AppError } from "../../contract/errors.ts";

/** One that says no more is killed then, so that its test fails instead of waiting. */
const DEADLINE_MS = 60_000;

/** A language server over stdio, as an editor talks to it. */
export class LanguageServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #messages: AsyncGenerator<Message>;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #id = 0;

  constructor(command: Deno.Command) {
    this.#child = command.spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#messages = messagesOf(this.#child.stdout);
    this.#deadline = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
  }

  /** Returns the result of a request. What the server says meanwhile is left out. */
  async request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#id;
    await this.#send({ id, method, params });
    const answer = await this.next((message) => message.id === id && message.method === undefined);
    return answer.result;
  }

  async notify(method: string, params: unknown): Promise<void> {
    await this.#send({ method, params });
  }

  /** The first of the coming messages that is wanted. */
  async next(isWanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const { value, done } = await this.#messages.next();
      if (done === true) throw new AppError("internal", "the language server ended");
      if (isWanted(value)) return value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.request("shutdown", null);
      await this.notify("exit", null);
    } finally {
      clearTimeout(this.#deadline);
      await this.#input.close().catch(() => {});
      await this.#messages.return(undefined);
      await this.#child.stderr.cancel();
      await this.#child.status;
    }
  }

  async #send(message: Record<string, unknown>): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    await this.#input.write(new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`));
    await this.#input.write(body);
  }
}

export interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly params?: Readonly<Record<string, unknown>>;
}

async function* messagesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  let held = new Uint8Array();
  for await (const chunk of stream) {
    held = Uint8Array.from([...held, ...chunk]);
    for (;;) {
      const end = new TextDecoder("latin1").decode(held).indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/i.exec(new TextDecoder("latin1").decode(held))?.[1]);
      if (end === -1 || held.length < end + 4 + length) break;
      yield JSON.parse(new TextDecoder().decode(held.subarray(end + 4, end + 4 + length)));
      held = held.slice(end + 4 + length);
    }
  }
}
