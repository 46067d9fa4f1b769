import * as v from "valibot";
import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { StreamRequest } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import type { JsonValue } from "../../contract/json.ts";
import type { PostedBody } from "../../contract/triggers/webhooks.ts";
import { type BodyKind, kindOfBody } from "./body.ts";
import type { WebhookStream } from "./options.ts";

/** A read takes no more than this, and the next one goes on. */
const MAX_BYTES = 1024 ** 3;
const MAX_BODIES = 20_000;

const stateSchema = v.object({ seq: v.pipe(v.number(), v.integer(), v.minValue(0)) });

/** Bodies that a stream has not read yet, in their order, all of one kind. */
export class PostedBodies {
  readonly #context: ConnectorContext;
  readonly #request: StreamRequest<WebhookStream>;
  #seq: number;
  /** Of the bodies; undefined while there are none. */
  kind: BodyKind | undefined;
  #firstSeq = 0;
  /** As of `state`. */
  count = 0;
  sizeBytes = 0;

  constructor(context: ConnectorContext, request: StreamRequest<WebhookStream>) {
    this.#context = context;
    this.#request = request;
    const { state } = request;
    this.#seq = state === undefined ? 0 : v.parse(stateSchema, state).seq;
  }

  /** How far the stream is, with all bodies after which the next was asked for. */
  get state(): JsonValue {
    return { seq: this.#seq };
  }

  /** Their numbers, as `4` or `4 to 7`. */
  get range(): string {
    return this.count < 2 ? String(this.#seq) : `${this.#firstSeq} to ${this.#seq}`;
  }

  /**
   * One body after the other, up to the first of another kind: that is for the next read. Throws `unavailable` and `forbidden`
   * where the server gives none.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<PostedBody, void> {
    const { name, address: { webhook }, until } = this.#request;
    // Of a range nobody can tell whose bodies it means, and nothing that was read is lost.
    if (until?.isRange === true) return;
    while (this.count < MAX_BODIES && this.sizeBytes < MAX_BYTES) {
      const posted = await this.#context.posted?.(webhook, this.#seq);
      if (posted === undefined) return;
      const kind = kindOfBody(posted.contentType, posted.body);
      if (kind === undefined) {
        throw new AppError(
          "invalid",
          `Cannot read "${name}": post ${posted.seq} of the webhook "${webhook}" is neither JSON, CSV, a form nor Arrow. ` +
            "Take it out with sluice webhooks drop",
        );
      }
      if (this.kind !== undefined && kind !== this.kind) return;
      this.kind = kind;
      yield posted;
      this.#seq = posted.seq;
      if (this.count === 0) this.#firstSeq = posted.seq;
      this.count++;
      this.sizeBytes += posted.body.length;
    }
  }
}
