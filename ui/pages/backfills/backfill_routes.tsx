import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import { BackfillPage } from "./backfill_page.tsx";
import {
  attempt,
  forPermitted,
  forUser,
  noticeOf,
  type PageContext,
  pageResponse,
  type Visit,
} from "../page_context.tsx";

/** A backfill, and what can be done with it. */
export function backfillRoutes(pages: PageContext): Hono<AppEnv> {
  const { backfills } = pages.engine;
  const app = new Hono<AppEnv>();
  const groupOf = ({ c }: Visit) => c.req.param("group") ?? "";

  app.get(
    "/backfills/:group",
    forUser(pages, async (visit) => {
      const backfill = await backfills.get(groupOf(visit));
      return pageResponse(visit.c, <BackfillPage frame={visit.frame} backfill={backfill} />);
    }),
  );

  const actions = {
    cancel: (visit: Visit) => backfills.cancel(groupOf(visit), visit.user.name),
    retry: (visit: Visit) => backfills.retry(groupOf(visit)),
  };
  for (const [name, act] of Object.entries(actions)) {
    app.post(
      `/backfills/:group/${name}`,
      forPermitted(pages, "run", async (visit) => {
        const { c, frame } = visit;
        const group = groupOf(visit);
        const attempted = await attempt(() => act(visit));
        if ("value" in attempted) return c.redirect(`/backfills/${encodeURIComponent(group)}`, 303);
        const view = { frame, backfill: await backfills.get(group), notice: noticeOf(attempted.refusal) };
        return pageResponse(c, <BackfillPage {...view} />, statusOf(attempted.refusal));
      }),
    );
  }
  return app;
}
