import type { PostView, WebhookView } from "../../../contract/triggers/webhook_view.ts";
import { formatBytes, formatCount } from "../../../text/format.ts";
import { Notice } from "../../parts/callouts.tsx";
import { Empty } from "../../parts/empty.tsx";
import { Fact } from "../../parts/facts.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { Moment } from "../../parts/times.tsx";
import { PostTable } from "../../parts/webhooks.tsx";

export interface WebhookPageView {
  readonly frame: Frame;
  readonly pipeline: string;
  readonly webhook: WebhookView;
  readonly posts: readonly PostView[];
  /** Whether there are older ones behind the last of these. */
  readonly hasMore: boolean;
  readonly notice?: { readonly message: string; readonly detail?: string };
}

/** One webhook: where to post, and what came. */
export function WebhookPage({ frame, pipeline, webhook, posts, hasMore, notice }: WebhookPageView) {
  const pipelinePath = `/pipelines/${encodeURIComponent(pipeline)}`;
  const path = `${pipelinePath}/webhooks/${encodeURIComponent(webhook.name)}`;
  const last = posts.at(-1);
  return (
    <Layout frame={frame} title={`Webhook ${webhook.name}`} section="pipelines">
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/">Pipelines</a> <span>/</span> <a href={pipelinePath}>{pipeline}</a>
          </p>
          <h1>Webhook {webhook.name}</h1>
          <p class="lead">
            <code>POST {webhook.address}</code>
          </p>
        </div>
        <dl class="facts">
          <Fact name="Signature">{webhook.signature}</Fact>
          <Fact name="Read by">
            {webhook.streams.length === 0 ? "nothing: a post starts a run" : webhook.streams.join(", ")}
          </Fact>
          <Fact name="Waiting">
            {formatCount(webhook.waiting)}
            {webhook.waiting > 0 && `, ${formatBytes(webhook.waiting_bytes)}`}
          </Fact>
          {webhook.waiting_since !== null && (
            <Fact name="Since">
              <Moment at={webhook.waiting_since} />
            </Fact>
          )}
          {webhook.refused_at !== null && (
            <Fact name="Last refused">
              <Moment at={webhook.refused_at} />
              <span class="muted">{plainText(webhook.refused_why ?? "")}</span>
            </Fact>
          )}
        </dl>
      </div>
      {notice !== undefined && <Notice {...notice} />}
      <section aria-labelledby="posts-title">
        <h2 id="posts-title">Posts</h2>
        {posts.length === 0
          ? (
            <div class="card">
              <Empty title="No posts">
                <p>Nothing was posted, or it was read and is forgotten.</p>
              </Empty>
            </div>
          )
          : (
            <PostTable
              posts={posts}
              path={`${path}/posts`}
              mayDrop={frame.may("pipeline:run")}
              nowMs={frame.nowMs}
            />
          )}
        {hasMore && last !== undefined && (
          <p class="more">
            <a href={`${path}?before=${last.post}`}>Older posts</a>
          </p>
        )}
      </section>
    </Layout>
  );
}
