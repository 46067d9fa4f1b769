import { Hono } from "hono";
import type { NotifierTest } from "../../contract/alerts/problem.ts";
import { problemCursor } from "../../contract/alerts/problem_cursor.ts";
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
import type { Shown } from "../parts/tables/pager.tsx";
import { ProblemsPage } from "./problems_page.tsx";

const SHOWN_PROBLEMS = 100;
const SHOWN_DELIVERIES = 20;

const behind = (cursor: string | undefined) => cursor ? { cursor } : {};

/** A page of a list that was read with one more. */
function shown<T>(
  items: readonly T[],
  count: number,
  cursor: string | undefined,
  cursorOf: (item: T) => string,
): Shown<T> {
  const page = items.slice(0, count);
  const last = page.at(-1);
  const next = items.length > count && last !== undefined ? cursorOf(last) : null;
  return { items: page, isFirst: !cursor, next };
}

/** The inbox of problems, and the notifiers. */
export function problemRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const page = async ({ c, frame, engine }: Visit, test?: NotifierTest) => {
    const isClosed = c.req.query("state") === "closed";
    const { cursor, messages: messagesCursor } = c.req.query();
    const [problems, openCount, notifiers, deliveries] = await Promise.all([
      // One more than is shown: then older ones follow.
      engine.alerts.problems({ isOpen: !isClosed, limit: SHOWN_PROBLEMS + 1, ...behind(cursor) }),
      engine.alerts.countOpen(),
      engine.alerts.notifiers(),
      engine.alerts.deliveries({ limit: SHOWN_DELIVERIES + 1, ...behind(messagesCursor) }),
    ]);
    const view = {
      frame,
      isClosed,
      problems: shown(problems, SHOWN_PROBLEMS, cursor, problemCursor),
      openCount,
      notifiers,
      deliveries: shown(deliveries, SHOWN_DELIVERIES, messagesCursor, ({ id }) => id),
    };
    return pageResponse(c, <ProblemsPage {...view} {...(test === undefined ? {} : { test })} />);
  };

  app.get("/problems", forUser(pages, (visit) => page(visit)));

  const change = (action: string, work: (id: string, visit: Visit) => Promise<unknown>) =>
    app.post(
      `/problems/:id/${action}`,
      forPermitted(pages, "pipeline:alert", async (visit) => {
        await work(visit.c.req.param("id") ?? "", visit);
        return visit.c.redirect("/problems", 303);
      }),
    );
  change("acknowledge", (id, { user, engine }) => engine.alerts.acknowledge(id, user.name));
  change("unacknowledge", (id, { engine }) => engine.alerts.acknowledge(id, null));
  change("mute", async (id, { c, engine }) => engine.alerts.mute(id, timeOf(await readForm(c))));
  change("unmute", (id, { engine }) => engine.alerts.mute(id, null));

  app.post(
    "/notifiers/:name/test",
    forPermitted(pages, "notifier:test", async (visit) => {
      const { c, user, engine } = visit;
      const test = await engine.alerts.test(c.req.param("name") ?? "", user.name, c.req.raw.signal);
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
