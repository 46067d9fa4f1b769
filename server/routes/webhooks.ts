import * as v from "valibot";
import { postViewSchema, webhookViewSchema } from "../../contract/triggers/webhook_view.ts";
import { route } from "../http/route.ts";
import { numberOf, pageOf, pageQuery } from "./paging.ts";
import { integerText, nameParams } from "./request_parts.ts";

const POSTS_PER_PAGE = 50;

const webhookParams = v.object({
  ...nameParams.entries,
  webhook: v.pipe(v.string(), v.description("The webhook's name.")),
});

const postParams = v.object({
  ...webhookParams.entries,
  post: v.pipe(integerText(0, Number.MAX_SAFE_INTEGER), v.description("The post's number.")),
});

/** `/api/pipelines/:name/webhooks`: what other systems post. Reasons of refusals and bodies quote values. */
export function webhookRoutes() {
  return [
    route({
      method: "get",
      path: "/api/pipelines/:name/webhooks",
      operation: "listWebhooks",
      summary: "The webhooks of a pipeline: where to post, what waits, and what was last taken and refused",
      permission: "pipeline:data",
      request: v.object({ params: nameParams, query: v.strictObject({}) }),
      response: {
        status: 200,
        description: "In the order of the definition.",
        schema: v.array(webhookViewSchema),
      },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => ({ body: await engine.webhooks.list(params.name) }),
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/webhooks/:webhook/posts",
      operation: "listPosts",
      summary: "What was posted to a webhook, without the bodies",
      permission: "pipeline:data",
      request: v.object({
        params: webhookParams,
        query: v.strictObject({
          state: v.exactOptional(
            v.pipe(v.literal("waiting"), v.description("Only those that no run has stored yet.")),
          ),
          ...pageQuery(String(POSTS_PER_PAGE)),
          before: v.exactOptional(
            v.pipe(
              integerText(0, Number.MAX_SAFE_INTEGER),
              v.description("The same as cursor: a post's number."),
            ),
          ),
        }),
      }),
      response: { status: 200, description: "The newest first.", schema: v.array(postViewSchema) },
      errors: ["not_found"],
      handle: async ({ params, query: { state, limit = POSTS_PER_PAGE, cursor, before } }, { engine }) => {
        const from = cursor === undefined ? before : numberOf("posts", cursor);
        const posts = await engine.webhooks.posts(params.name, params.webhook, {
          isWaiting: state === "waiting",
          limit: limit + 1,
          ...(from === undefined ? {} : { before: from }),
        });
        return pageOf(posts, limit, ({ post }) => String(post));
      },
    }),
    route({
      method: "get",
      path: "/api/pipelines/:name/webhooks/:webhook/posts/:post",
      operation: "getPost",
      summary: "The body of a post as it came, unpacked",
      permission: "pipeline:data",
      request: v.object({ params: postParams, query: v.strictObject({}) }),
      response: {
        status: 200,
        description: "Its bytes; X-Content-Type says what its sender said of them.",
        mediaType: "application/octet-stream",
        headers: {
          "X-Content-Type": "The sender's Content-Type, percent-encoded where it is no plain text.",
        },
      },
      errors: ["not_found"],
      handle: async ({ params }, { engine }) => {
        const { body, contentType } = await engine.webhooks.body(params.name, params.webhook, params.post);
        // Whatever it is, no browser is to take it for a page of ours.
        return new Response(new Uint8Array(body), {
          headers: {
            "content-type": "application/octet-stream",
            "content-disposition": `attachment; filename="post-${params.post}"`,
            "x-content-type": encodeURI(contentType),
          },
        });
      },
    }),
    route({
      method: "delete",
      path: "/api/pipelines/:name/webhooks/:webhook/posts/:post",
      operation: "dropPost",
      summary: "Takes a post that waits out: no run reads it any more",
      permission: "pipeline:run",
      request: v.object({ params: postParams, query: v.strictObject({}) }),
      response: { status: 200, description: "The post as it is now.", schema: postViewSchema },
      errors: ["not_found", "conflict"],
      handle: async ({ params }, { engine, user }) => ({
        body: await engine.webhooks.drop(params.name, params.webhook, params.post, user.name),
      }),
    }),
  ];
}
