import { Hono } from "hono";
import { AppError } from "../../../contract/errors.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import {
  attempt,
  forPermitted,
  noticeOf,
  type PageContext,
  pageResponse,
  type Visit,
} from "../page_context.tsx";
import { WebhookPage } from "./webhook_page.tsx";

const SHOWN_POSTS = 50;
const PAGE = "/pipelines/:name/webhooks/:webhook";

/** A webhook, and what was posted to it. */
export function webhookRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const namesOf = ({ c }: Visit) => [c.req.param("name") ?? "", c.req.param("webhook") ?? ""] as const;

  const page = async (visit: Visit, refusal?: AppError): Promise<Response> => {
    const { engine } = visit;
    const [pipeline, name] = namesOf(visit);
    const before = visit.c.req.query("before");
    const webhook = (await engine.webhooks.list(pipeline)).find((one) => one.name === name);
    if (webhook === undefined) {
      throw new AppError("not_found", `The pipeline "${pipeline}" has no webhook "${name}"`);
    }
    const found = await engine.webhooks.posts(pipeline, name, {
      limit: SHOWN_POSTS + 1,
      ...(before === undefined ? {} : { before: postOf(before) }),
    });
    const view = {
      frame: await visit.about(pipeline),
      pipeline,
      webhook,
      posts: found.slice(0, SHOWN_POSTS),
    };
    const notice = refusal === undefined ? {} : { notice: noticeOf(refusal) };
    return pageResponse(
      visit.c,
      <WebhookPage {...view} hasMore={found.length > SHOWN_POSTS} {...notice} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  app.get(PAGE, forPermitted(pages, "pipeline:data", (visit) => page(visit)));

  app.get(
    `${PAGE}/posts/:post`,
    forPermitted(pages, "pipeline:data", async (visit) => {
      const { engine } = visit;
      const post = postOf(visit.c.req.param("post"));
      const { body } = await engine.webhooks.body(...namesOf(visit), post);
      // Whatever it is, it is no page of ours.
      visit.c.header("content-type", "application/octet-stream");
      visit.c.header("content-disposition", `attachment; filename="post-${post}"`);
      return visit.c.body(new Uint8Array(body));
    }),
  );

  app.post(
    `${PAGE}/posts/:post/drop`,
    forPermitted(pages, "pipeline:run", async (visit) => {
      const { c, user, engine } = visit;
      const names = namesOf(visit);
      const attempted = await attempt(() =>
        engine.webhooks.drop(...names, postOf(c.req.param("post")), user.name)
      );
      if ("refusal" in attempted) return await page(visit, attempted.refusal);
      const [pipeline, webhook] = names.map(encodeURIComponent);
      return c.redirect(`/pipelines/${pipeline}/webhooks/${webhook}`, 303);
    }),
  );
  return app;
}

function postOf(text: string | undefined): number {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw new AppError("not_found", `There is no post "${text ?? ""}"`);
}
