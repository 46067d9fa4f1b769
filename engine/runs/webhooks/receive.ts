import type { Clock } from "../../../contract/clock.ts";
import type { Connector } from "../../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { parseTraceparent } from "../../../contract/runs/traceparent.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { hookOf, secretNameOf, type WebhookDefinition } from "../../../contract/triggers/webhooks.ts";
import { parseStream } from "../../../connectors/parse.ts";
import { unpackedBody } from "../../../contract/network/unpacked_body.ts";
import type { NamedSecrets } from "../../secrets/named_secrets.ts";
import type { Store } from "../../store/store.ts";
import { deliveryKey, isSigned, type Post, secretKey } from "./signature.ts";
import { streamsOf } from "./webhook_streams.ts";

/** The largest body that a compressed one may become: what is sent is held to a limit of its own. */
const MAX_UNPACKED_BYTES = 20 * 1_024 * 1_024;

export interface ReceiverContext {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
  readonly secrets: NamedSecrets;
  readonly connectors: readonly Connector[];
  /** Something new is in the inbox. */
  readonly onPost: () => void;
}

/** A post that is in the inbox. */
export interface ReceivedPost {
  /** Its place among all. */
  readonly seq: number;
  /** It was there before: nothing comes of it once more. */
  readonly isRepeat: boolean;
}

/** A post that was not taken. */
export interface Refusal {
  readonly atMs: number;
  readonly why: string;
}

/** A webhook that is there. */
interface Addressed {
  readonly definition: PipelineDefinition;
  readonly webhook: WebhookDefinition;
  readonly name: string;
  readonly hook: string;
}

/**
 * Whether a post is from who knows the secret, by `isSigned`; for the same `key` that says the same. It may take its time, or
 * throw, where too many were not.
 */
export type Judge = (key: string | undefined, isSigned: () => boolean) => Promise<boolean>;

/** Takes what other systems post to the webhooks of pipelines. */
export class WebhookReceiver {
  readonly #context: ReceiverContext;
  /** By hook: of webhooks that are there, so that nobody makes it grow. */
  readonly #refusals = new Map<string, Refusal>();

  constructor(context: ReceiverContext) {
    this.#context = context;
  }

  /**
   * Keeps the post: when this returns it is on the disk, and will be read once. Throws `not_found` for a webhook that is none,
   * `unauthorized` for one that is not signed as it has to be, `invalid` for a body that no stream could read or with an
   * Idempotency-Key that another body had, and what `judge` and the store throw.
   */
  async receive(
    pipeline: string,
    name: string,
    sent: Post,
    asked: { readonly judge: Judge; readonly signal: AbortSignal },
  ): Promise<ReceivedPost> {
    const definition = await this.#definitionOf(pipeline);
    const webhook = webhookOf(definition, name);
    if (definition === undefined || webhook === undefined) {
      throw new AppError("not_found", "There is no such webhook");
    }
    const hook = hookOf(pipeline, name);
    try {
      return await this.#take({ definition, webhook, name, hook }, sent, asked);
    } catch (error) {
      this.#refusals.set(hook, { atMs: this.#context.clock.now(), why: toAppError(error).message });
      throw error;
    }
  }

  /** The last post to the webhook that was not taken since the server began. */
  lastRefusal(pipeline: string, name: string): Refusal | undefined {
    return this.#refusals.get(hookOf(pipeline, name));
  }

  async #take(
    { definition, webhook, name, hook }: Addressed,
    sent: Post,
    { judge, signal }: { readonly judge: Judge; readonly signal: AbortSignal },
  ): Promise<ReceivedPost> {
    const { store, clock, onPost } = this.#context;
    const secret = await this.#secretOf(webhook);
    if (!await judge(secretKey(webhook, hook, sent), () => isSigned(webhook, secret, sent, clock.now()))) {
      throw new AppError("unauthorized", refusalOf(webhook));
    }
    // A signature is that of the bytes that were sent, and nobody else makes the server unpack any.
    const encoding = sent.headers["content-encoding"];
    const post = { ...sent, body: await unpackedBody(sent.body, encoding, MAX_UNPACKED_BYTES) };
    await this.#check(definition, name, post, signal);
    const { "content-type": contentType, traceparent } = post.headers;
    const { seq, isNew, isSame } = await store.inbox.put({
      hook,
      key: deliveryKey(webhook, post),
      body: post.body,
      headers: {
        ...(contentType === undefined ? {} : { "content-type": contentType }),
        ...(parseTraceparent(traceparent) === undefined || traceparent === undefined ? {} : { traceparent }),
      },
      receivedAtMs: clock.now(),
    });
    if (!isNew && !isSame && webhook.signature === "none") {
      throw new AppError("conflict", "This Idempotency-Key came before, with another body", {
        reason: "idempotency_key_reused",
      });
    }
    onPost();
    return { seq, isRepeat: !isNew };
  }

  async #definitionOf(pipeline: string): Promise<PipelineDefinition | undefined> {
    const { pipelines, revisions } = this.#context.store;
    // SQLite ends a text at a zero byte: it would find another pipeline's name.
    const record = pipeline.includes("\0") ? undefined : await pipelines.get(pipeline);
    if (record === undefined || record.revision === null) return undefined;
    return (await revisions.head(record.revision))?.definition;
  }

  async #secretOf(webhook: WebhookDefinition): Promise<string> {
    const name = secretNameOf(webhook);
    const value = await this.#context.secrets.get(name);
    if (value !== undefined && value !== "") return value;
    throw new AppError(
      "unavailable",
      `The server has no value of the secret ${name}, which the webhook needs`,
    );
  }

  /** What the streams could not read would keep all that comes after it from being read. */
  async #check(
    definition: PipelineDefinition,
    name: string,
    { headers, body }: Post,
    signal: AbortSignal,
  ): Promise<void> {
    const posted = { contentType: headers["content-type"] ?? "", body };
    for (const [stream, use] of streamsOf(definition, name)) {
      const connector = this.#context.connectors.find(({ name: type }) => type === use.connector);
      await connector?.checkPosted?.(parseStream(connector, stream, use), posted, signal);
    }
  }
}

const webhookOf = (definition: PipelineDefinition | undefined, name: string): WebhookDefinition | undefined =>
  Object.entries(definition?.webhooks ?? {}).find(([known]) => known === name)?.[1];

function refusalOf({ signature, header = "X-Signature" }: WebhookDefinition): string {
  switch (signature) {
    case "none":
      return "Send the webhook's secret: Authorization: Bearer …";
    case "hmac-sha256":
      return `The signature in ${header} is not that of this body: expected its HMAC-SHA-256 in hex`;
    case "github":
      return "The signature in X-Hub-Signature-256 is not that of this body";
    case "stripe":
      return "The signature in Stripe-Signature is not that of this body, or is older than five minutes";
  }
}
