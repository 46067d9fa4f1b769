import { Hono } from "hono";
import type { NotifierTest } from "../../contract/alerts/problem.ts";
import { AppError } from "../../contract/errors.ts";
import { DURATION_PATTERN, durationMs } from "../../contract/pipeline/words.ts";
import type { AppEnv } from "../../server/http/app_env.ts";
import {
  forPermitted,
  forUser,
  type PageContext,
  pageResponse,
  readForm,
  type Visit,
} from "./page_context.tsx";
import { ProblemsPage } from "./problems_page.tsx";

const SHOWN_PROBLEMS = 100;
const SHOWN_DELIVERIES = 20;

/** The inbox of problems, and the notifiers. */
export function problemRoutes(pages: PageContext): Hono<AppEnv> {
  const { alerts } = pages.engine;
  const app = new Hono<AppEnv>();
  const page = async ({ c, frame }: Visit, test?: NotifierTest) => {
    const isClosed = c.req.query("state") === "closed";
    const [problems, openCount, notifiers, deliveries] = await Promise.all([
      alerts.problems({ isOpen: !isClosed, limit: SHOWN_PROBLEMS }),
      alerts.countOpen(),
      alerts.notifiers(),
      alerts.deliveries({ limit: SHOWN_DELIVERIES }),
    ]);
    const view = { frame, isClosed, problems, openCount, notifiers, deliveries };
    return pageResponse(c, <ProblemsPage {...view} {...(test === undefined ? {} : { test })} />);
  };

  app.get("/problems", forUser(pages, (visit) => page(visit)));

  const change = (action: string, work: (id: string, visit: Visit) => Promise<unknown>) =>
    app.post(
      `/problems/:id/${action}`,
      forPermitted(pages, "alert", async (visit) => {
        await work(visit.c.req.param("id") ?? "", visit);
        return visit.c.redirect("/problems", 303);
      }),
    );
  change("acknowledge", (id, { user }) => alerts.acknowledge(id, user.name));
  change("unacknowledge", (id) => alerts.acknowledge(id, null));
  change("mute", async (id, { c }) => alerts.mute(id, timeOf(await readForm(c))));
  change("unmute", (id) => alerts.mute(id, null));

  app.post(
    "/notifiers/:name/test",
    forPermitted(pages, "alert", async (visit) => {
      const { c, user } = visit;
      const test = await alerts.test(c.req.param("name") ?? "", user.name, c.req.raw.signal);
      return await page(visit, test);
    }),
  );
  return app;
}

/** Throws `invalid` for what is no time. */
function timeOf(form: FormData): number {
  const text = form.get("for");
  if (typeof text === "string" && text !== "" && DURATION_PATTERN.test(text)) return durationMs(text);
  throw new AppError("invalid", "Cannot mute the problem: choose how long");
}
