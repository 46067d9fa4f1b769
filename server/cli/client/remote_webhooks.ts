import * as v from "valibot";
import { postViewSchema, webhookViewSchema } from "../../../contract/triggers/webhook_view.ts";
import type { Webhooks } from "../../../engine/control/webhooks/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { pipelineSegment, segment } from "./paths.ts";

/** The webhooks of a server, asked over its HTTP API. Who asks is the token's owner: the server says so. */
export function createRemoteWebhooks({ routes }: ApiClient): Webhooks {
  const all = routes.pipelines[":name"].webhooks;
  const posts = all[":webhook"].posts;
  const one = (pipeline: string, webhook: string, post: number) => ({
    param: {
      name: pipelineSegment(pipeline),
      webhook: segment("webhook", webhook),
      post: segment("post", String(post)),
    },
  });
  return {
    list: (pipeline) =>
      read(v.array(webhookViewSchema), all.$get({ param: { name: pipelineSegment(pipeline) } })),

    posts: (pipeline, webhook, { isWaiting = false, limit, before }) =>
      read(
        v.array(postViewSchema),
        posts.$get({
          param: { name: pipelineSegment(pipeline), webhook: segment("webhook", webhook) },
          query: { state: isWaiting ? "waiting" : undefined, limit, before },
        }),
      ),

    async body(pipeline, webhook, post) {
      const response = await posts[":post"].$get(one(pipeline, webhook, post));
      return {
        contentType: decodeURI(response.headers.get("x-content-type") ?? ""),
        body: new Uint8Array(await response.arrayBuffer()),
      };
    },

    drop: (pipeline, webhook, post) =>
      read(postViewSchema, posts[":post"].$delete(one(pipeline, webhook, post))),
  };
}
