import { AppError } from "../../contract/errors.ts";
import type { PostView, WebhookView } from "../../contract/triggers/webhook_view.ts";
import type { PostBody, PostFilter, Webhooks } from "../../engine/control/webhooks/port.ts";

/** Webhooks in memory: what a test puts in is what is there. */
export class FakeWebhooks implements Webhooks {
  readonly #webhooks = new Map<string, readonly WebhookView[]>();
  readonly #posts = new Map<string, PostView[]>();

  add(pipeline: string, webhook: WebhookView, posts: readonly PostView[] = []): void {
    this.#webhooks.set(pipeline, [...this.#webhooks.get(pipeline) ?? [], webhook]);
    this.#posts.set(`${pipeline}/${webhook.name}`, [...posts]);
  }

  list(pipeline: string): Promise<WebhookView[]> {
    return Promise.resolve([...this.#webhooks.get(pipeline) ?? []]);
  }

  async posts(pipeline: string, webhook: string, { isWaiting = false, limit = 50, before }: PostFilter) {
    const posts = await Promise.resolve(this.#postsOf(pipeline, webhook));
    return posts.filter(({ post, state }) =>
      (before === undefined || post < before) && (!isWaiting || state === "waiting")
    ).slice(0, limit);
  }

  async body(pipeline: string, webhook: string, post: number): Promise<PostBody> {
    const { content_type: contentType } = await Promise.resolve(this.#find(pipeline, webhook, post));
    return { contentType, body: new TextEncoder().encode(`{"post":${post}}`) };
  }

  async drop(pipeline: string, webhook: string, post: number, by: string): Promise<PostView> {
    const found = await Promise.resolve(this.#find(pipeline, webhook, post));
    if (found.state !== "waiting") {
      throw new AppError("conflict", `Cannot drop the post ${post}: it is ${found.state}`);
    }
    const dropped: PostView = { ...found, state: "dropped", size_bytes: 0, dropped_by: by };
    const posts = this.#postsOf(pipeline, webhook);
    posts[posts.indexOf(found)] = dropped;
    return dropped;
  }

  #postsOf(pipeline: string, webhook: string): PostView[] {
    const posts = this.#posts.get(`${pipeline}/${webhook}`);
    if (posts === undefined) throw new AppError("not_found", `There is no webhook "${webhook}"`);
    return posts;
  }

  #find(pipeline: string, webhook: string, post: number): PostView {
    const found = this.#postsOf(pipeline, webhook).find((one) => one.post === post);
    if (found === undefined) throw new AppError("not_found", `There is no post ${post}`);
    return found;
  }
}
