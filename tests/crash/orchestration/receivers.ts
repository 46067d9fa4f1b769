import * as v from "valibot";
import { MailServer } from "../../support/mail_server.ts";

/** An alert as a receiver got it. */
export interface Got {
  readonly receiver: "pager" | "mails";
  readonly id: string;
  readonly isRepeated: boolean;
  /** `failure` or `recovery`, and the run, as far as the message says. */
  readonly events: readonly string[];
}

const bodySchema = v.object({
  id: v.string(),
  repeated: v.boolean(),
  title: v.string(),
  events: v.array(v.object({ event: v.string(), run: v.nullable(v.string()) })),
});

/** A receiver of alerts by HTTP, and one by SMTP. */
export class Receivers implements AsyncDisposable {
  readonly #mail = new MailServer();
  readonly #http: Deno.HttpServer<Deno.NetAddr>;
  readonly #got: Got[] = [];

  constructor() {
    this.#http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { id, repeated, title, events } = v.parse(bodySchema, await request.json());
      const isMarked = title.startsWith("[repeated] ");
      const header = request.headers.get("x-sluice-repeated");
      if (isMarked !== repeated || header !== String(repeated)) throw new Error(`marked in part: ${title}`);
      const words = events.map(({ event, run }) => `${event} ${run}`);
      this.#got.push({ receiver: "pager", id, isRepeated: repeated, events: words });
      return new Response();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#http.addr.port}/`;
  }

  get mailPort(): number {
    return this.#mail.port;
  }

  /** In the order in which each of them came. */
  got(): readonly Got[] {
    const mails = this.#mail.received.map(({ headers, body }): Got => ({
      receiver: "mails",
      id: headers["x-sluice-delivery"] ?? "",
      isRepeated: headers["x-sluice-repeated"] === "true" &&
        headers["subject"]?.startsWith("[repeated] ") === true,
      events: [body.includes("recovered") ? "recovery" : "failure"],
    }));
    return [...this.#got, ...mails];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.shutdown();
    await this.#mail[Symbol.asyncDispose]();
  }
}
