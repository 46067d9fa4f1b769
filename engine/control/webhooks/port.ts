import type { PostView, WebhookView } from "../../../contract/triggers/webhook_view.ts";

/** What can be asked of webhooks and of what was posted to them. Every failure is an AppError. */
export interface Webhooks {
  /** Those of the definition in force. Throws not_found. */
  list(pipeline: string): Promise<WebhookView[]>;
  /** What was posted to one of them, the newest first. Throws not_found. */
  posts(pipeline: string, webhook: string, filter: PostFilter): Promise<PostView[]>;
  /** The body as it came. Throws not_found, also for one that was dropped. */
  body(pipeline: string, webhook: string, post: number): Promise<PostBody>;
  /**
   * Takes a body that waits out: no run reads it any more, and a repeat of it is not taken. `by` says who. Throws not_found, and
   * conflict for one that does not wait, or while a run that may have it goes on.
   */
  drop(pipeline: string, webhook: string, post: number, by: string): Promise<PostView>;
}

export interface PostFilter {
  /** Only those that no run has stored yet. */
  readonly isWaiting?: boolean;
  /** 1 to 500, 50 by default. */
  readonly limit?: number;
  /** A post's number: only those before it. */
  readonly before?: number;
}

export interface PostBody {
  /** As its sender said; empty where it said nothing. */
  readonly contentType: string;
  readonly body: Uint8Array;
}
