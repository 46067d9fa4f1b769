import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import { readLogSearch, shownLevel } from "../../parts/logs/log_search_form.tsx";
import { attempt, forUser, noticeOf, type PageContext, pageResponse } from "../page_context.tsx";
import { LogsPage } from "./logs_page.tsx";

const LINES_PER_PAGE = 200;

/** The search of the logs of all runs. */
export function logRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    "/logs",
    forUser(pages, async ({ c, frame, engine }) => {
      const values = readLogSearch((name) => c.req.query(name));
      const view = { frame, values, pipelines: await engine.pipelineNames() };
      // The form alone, until somebody has sent it.
      if (c.req.query("search") === undefined) return pageResponse(c, <LogsPage {...view} />);
      const after = c.req.query("after");
      const attempted = await attempt(() =>
        engine.history.searchLogs({
          ...shownLevel(values),
          limit: LINES_PER_PAGE,
          ...(after === undefined ? {} : { after }),
        })
      );
      if (!("value" in attempted)) {
        const notice = noticeOf(attempted.refusal);
        return pageResponse(c, <LogsPage {...view} notice={notice} />, statusOf(attempted.refusal));
      }
      const { lines, next, searched_back_to: searchedBackTo } = attempted.value;
      return pageResponse(c, <LogsPage {...view} found={{ lines, next, searchedBackTo }} />);
    }),
  );
  return app;
}
