/** A mail as a server took it. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Name in lower case → value. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Name and password, where it was signed in with. */
  readonly user: string | undefined;
}

export interface MailServerOptions {
  /** Replies to RCPT in the place of 250. */
  readonly recipientReply?: (address: string, attempt: number) => string | undefined;
  /** Speaks TLS from the first byte, with this certificate (PEM). */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An SMTP server (RFC 5321) without STARTTLS, which takes what it gets. */
export class MailServer implements AsyncDisposable {
  readonly received: ReceivedMail[] = [];
  readonly #listener: Deno.TcpListener | Deno.TlsListener;
  readonly #options: MailServerOptions;
  readonly #connections = new Set<Deno.Conn>();
  readonly #sessions = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #recipients = 0;

  constructor(options: MailServerOptions = {}) {
    this.#options = options;
    const place = { hostname: "127.0.0.1", port: 0 };
    this.#listener = options.tls === undefined
      ? Deno.listen(place)
      : Deno.listenTls({ ...place, ...options.tls });
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#sessions);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      const session = this.#talk(connection).catch(() => {}).finally(() => {
        this.#connections.delete(connection);
        close(connection);
        this.#sessions.delete(session);
      });
      this.#sessions.add(session);
    }
  }

  async #talk(connection: Deno.Conn): Promise<void> {
    const say = (text: string) => connection.write(new TextEncoder().encode(`${text}\r\n`));
    let [from, user]: [string, string | undefined] = ["", undefined];
    let to: string[] = [];
    await say("220 mail.test ESMTP");
    const lines = linesOf(connection);
    for await (const line of lines) {
      const [verb = ""] = line.toUpperCase().split(/[ :]/);
      if (verb === "EHLO") await say("250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME");
      else if (verb === "AUTH") {
        user = atob(line.split(" ")[2] ?? "").slice(1).replace("\0", ":");
        await say("235 signed in");
      } else if (verb === "MAIL") {
        from = addressIn(line);
        await say("250 ok");
      } else if (verb === "RCPT") {
        this.#recipients += 1;
        const reply = this.#options.recipientReply?.(addressIn(line), this.#recipients);
        if (reply === undefined) to.push(addressIn(line));
        await say(reply ?? "250 ok");
      } else if (verb === "DATA") {
        await say("354 go on");
        this.received.push({ ...await readMail(lines), from, to, user });
        to = [];
        await say("250 2.0.0 queued as 42");
      } else if (verb === "QUIT") {
        await say("221 bye");
        return;
      } else await say("502 what?");
    }
  }
}

/** Whoever has read it to its end has closed it already. */
function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? "";

async function* linesOf(connection: Deno.Conn): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) {
    const parts = `${rest}${chunk}`.split("\r\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

async function readMail(
  lines: AsyncGenerator<string, void, undefined>,
): Promise<Pick<ReceivedMail, "headers" | "body">> {
  const text: string[] = [];
  for (let next = await lines.next(); !next.done && next.value !== "."; next = await lines.next()) {
    text.push(next.value.replace(/^\.\./, "."));
  }
  const [head = "", ...body] = text.join("\r\n").split("\r\n\r\n");
  const unfolded = head.replace(/\r\n[ \t]+/g, " ");
  const headers = unfolded.split("\r\n").map((line) => {
    const [name = "", ...value] = line.split(": ");
    return [name.toLowerCase(), value.join(": ")] as const;
  });
  return { headers: Object.fromEntries(headers), body: body.join("\r\n\r\n") };
}
