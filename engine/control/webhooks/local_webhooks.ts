import { boundedLimit } from "../../../contract/lists/page.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { Clock } from "../../../contract/clock.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { hookOf } from "../../../contract/triggers/webhooks.ts";
import type { PostView, WebhookView } from "../../../contract/triggers/webhook_view.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import { committedSeq, streamsOf } from "../../runs/webhooks/webhook_streams.ts";
import type { WebhookReceiver } from "../../runs/webhooks/receive.ts";
import type { WebhookRunsContext } from "../../runs/webhooks/webhook_runs.ts";
import type { StoredMessage } from "../../store/ports/messages.ts";
import type { Store } from "../../store/store.ts";
import { pipelineRecord } from "../pipeline_record.ts";
import type { PostBody, PostFilter, Webhooks } from "./port.ts";

const DEFAULT_LIMIT = 50;

export interface LocalWebhooksContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly streams: WebhookRunsContext["streams"];
  readonly receiver: Pick<WebhookReceiver, "lastRefusal">;
  /** Without a slash at its end; undefined where nobody has said so. */
  readonly publicUrl?: string | undefined;
}

/** The webhooks of this server's pipelines, and its inbox. */
export class LocalWebhooks implements Webhooks {
  readonly #context: LocalWebhooksContext;

  constructor(context: LocalWebhooksContext) {
    this.#context = context;
  }

  async list(pipeline: string): Promise<WebhookView[]> {
    const { store, receiver, publicUrl } = this.#context;
    const definition = await this.#definitionOf(pipeline);
    return await Promise.all(
      Object.entries(definition?.webhooks ?? {}).map(async ([name, { signature }]) => {
        const committed = await committedSeq(this.#context.streams, pipeline, definition, name);
        const { count, sizeBytes, oldestAtMs, newestAtMs } = await store.inbox.figures(
          hookOf(pipeline, name),
          committed,
        );
        const refusal = receiver.lastRefusal(pipeline, name);
        const path = `/hooks/${encodeURIComponent(pipeline)}/${encodeURIComponent(name)}`;
        return {
          name,
          signature,
          address: publicUrl === undefined ? path : `${publicUrl.replace(/\/$/, "")}${path}`,
          streams: definition === undefined ? [] : streamsOf(definition, name).map(([stream]) => stream),
          waiting: count,
          waiting_bytes: sizeBytes,
          waiting_since: timeOf(oldestAtMs),
          accepted_at: timeOf(newestAtMs),
          refused_at: timeOf(refusal?.atMs ?? null),
          refused_why: refusal?.why ?? null,
        };
      }),
    );
  }

  async posts(pipeline: string, webhook: string, filter: PostFilter): Promise<PostView[]> {
    const { hook, committed } = await this.#find(pipeline, webhook);
    const { isWaiting = false, limit = DEFAULT_LIMIT, before } = filter;
    const found = await this.#context.store.inbox.list(hook, {
      limit: boundedLimit(limit),
      ...(before === undefined ? {} : { before }),
      ...(isWaiting ? { openAfter: committed } : {}),
    });
    return found.map((message) => viewOf(message, committed));
  }

  async body(pipeline: string, webhook: string, post: number): Promise<PostBody> {
    const { hook } = await this.#find(pipeline, webhook);
    const found = await this.#context.store.inbox.get(hook, post);
    if (found === undefined) throw unknownPost(webhook, post);
    if (found.droppedBy !== null) {
      throw new AppError(
        "not_found",
        `The post ${post} of the webhook "${webhook}" was dropped by ${found.droppedBy}`,
      );
    }
    return { contentType: found.contentType, body: found.body };
  }

  async drop(pipeline: string, webhook: string, post: number, by: string): Promise<PostView> {
    const { store, clock, log } = this.#context;
    const { hook, committed } = await this.#find(pipeline, webhook);
    const cannot = (why: string) =>
      new AppError("conflict", `Cannot drop the post ${post} of the webhook "${webhook}": ${why}`);
    const found = await store.inbox.get(hook, post);
    if (found === undefined) throw unknownPost(webhook, post);
    const { state } = viewOf(found, committed);
    if (state !== "waiting") throw cannot(`it is ${state} already`);
    // What has its body may store it yet.
    const [running] = await store.runs.list({ pipeline, state: "running", limit: 1 });
    if (running !== undefined) {
      throw cannot(`the run ${running.id} may read it just now, wait for its end or cancel it`);
    }
    if (!await store.inbox.drop(hook, post, by, clock.now())) throw cannot("it is read already");
    log("warn", "a post to a webhook was dropped", { pipeline, webhook, post, by, bytes: found.sizeBytes });
    const dropped = await store.inbox.get(hook, post);
    if (dropped === undefined) throw unknownPost(webhook, post);
    return viewOf(dropped, committed);
  }

  /** Throws not_found for a pipeline or a webhook that is none. */
  async #find(
    pipeline: string,
    webhook: string,
  ): Promise<{ readonly hook: string; readonly committed: number }> {
    const definition = await this.#definitionOf(pipeline);
    const names = Object.keys(definition?.webhooks ?? {});
    if (!names.includes(webhook)) {
      throw new AppError(
        "not_found",
        `The pipeline "${pipeline}" has no webhook "${webhook}"${didYouMeanOneOf(webhook, names)}`,
      );
    }
    return {
      hook: hookOf(pipeline, webhook),
      committed: await committedSeq(this.#context.streams, pipeline, definition, webhook),
    };
  }

  async #definitionOf(pipeline: string): Promise<PipelineDefinition | undefined> {
    const { store } = this.#context;
    const { revision } = await pipelineRecord(store, pipeline);
    return revision === null ? undefined : (await store.revisions.head(revision))?.definition;
  }
}

function viewOf(message: StoredMessage, committed: number): PostView {
  const { seq, receivedAtMs, sizeBytes, contentType, settledAtMs, droppedBy } = message;
  return {
    post: seq,
    state: droppedBy !== null ? "dropped" : settledAtMs !== null || seq <= committed ? "read" : "waiting",
    received_at: new Date(receivedAtMs).toISOString(),
    size_bytes: sizeBytes,
    content_type: contentType,
    dropped_by: droppedBy,
  };
}

const timeOf = (atMs: number | null): string | null => atMs === null ? null : new Date(atMs).toISOString();

const unknownPost = (webhook: string, post: number): AppError =>
  new AppError("not_found", `The webhook "${webhook}" has no post ${post}, or it is forgotten`);
