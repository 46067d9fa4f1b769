import { Hono } from "hono";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import { definedParams } from "../../../contract/params/definition.ts";
import { resolveParams } from "../../../contract/params/values.ts";
import { splitSpan } from "../../../engine/control/backfills/windows.ts";
import { readBackfillForm, toBackfillRequest } from "../../parts/runs/backfill_form.ts";
import { BackfillPage } from "./backfill_page.tsx";
import { BackfillsPage, type BackfillsView } from "./backfills_page.tsx";
import {
  attempt,
  forPermitted,
  forUser,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  type Visit,
} from "../page_context.tsx";

const SHOWN_BACKFILLS = 50;

/** The backfills of a pipeline, one of them, and what can be done with them. */
export function backfillRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  const listPage = async (
    { c, engine, about }: Visit,
    more: Pick<BackfillsView, "asked" | "notice"> = {},
    status = 200,
  ): Promise<Response> => {
    const { name, definition } = await engine.getPipeline(c.req.param("name") ?? "");
    const view = {
      frame: await about(name),
      pipeline: name,
      params: definedParams(definition),
      backfills: await engine.backfills.list({ pipeline: name, limit: SHOWN_BACKFILLS }),
    };
    return pageResponse(c, <BackfillsPage {...view} {...more} />, status);
  };

  app.get("/pipelines/:name/backfills", forUser(pages, (visit) => listPage(visit)));

  // First the windows are shown, then what was shown is started.
  app.post(
    "/pipelines/:name/backfills",
    forPermitted(pages, "pipeline:run", async (visit) => {
      const { c, user, engine } = visit;
      const name = c.req.param("name") ?? "";
      const form = await readForm(c);
      const values = readBackfillForm(form);
      const request = toBackfillRequest(values);
      const step = form.get("step");
      if (step === "edit") return await listPage(visit, { asked: { values } });
      const attempted = await attempt(async () => {
        if (step === "start") {
          return await engine.backfills.start(name, { ...request, triggeredBy: user.name });
        }
        const { definition } = await engine.getPipeline(name);
        resolveParams(definedParams(definition), request.params);
        return splitSpan(request.from, request.to, request.every);
      });
      if ("refusal" in attempted) {
        const notice = noticeOf(attempted.refusal);
        return await listPage(visit, { asked: { values }, notice }, statusOf(attempted.refusal));
      }
      const { value } = attempted;
      if ("group" in value) return c.redirect(`/backfills/${encodeURIComponent(value.group)}`, 303);
      const iso = (ms: number) => new Date(ms).toISOString();
      const windows = value.map(({ startMs, endMs }) => ({ start: iso(startMs), end: iso(endMs) }));
      return await listPage(visit, { asked: { values, windows } });
    }),
  );

  const groupOf = ({ c }: Visit) => c.req.param("group") ?? "";

  app.get(
    "/backfills/:group",
    forUser(pages, async (visit) => {
      const { engine } = visit;
      const backfill = await engine.backfills.get(groupOf(visit));
      const frame = await visit.about(backfill.pipeline);
      return pageResponse(visit.c, <BackfillPage frame={frame} backfill={backfill} />);
    }),
  );

  const actions = {
    cancel: (visit: Visit) => visit.engine.backfills.cancel(groupOf(visit), visit.user.name),
    retry: (visit: Visit) => visit.engine.backfills.retry(groupOf(visit)),
  };
  for (const [name, act] of Object.entries(actions)) {
    app.post(
      `/backfills/:group/${name}`,
      forPermitted(pages, "pipeline:run", async (visit) => {
        const { c, engine } = visit;
        const group = groupOf(visit);
        const attempted = await attempt(() => act(visit));
        if ("value" in attempted) return c.redirect(`/backfills/${encodeURIComponent(group)}`, 303);
        const backfill = await engine.backfills.get(group);
        const frame = await visit.about(backfill.pipeline);
        const view = { frame, backfill, notice: noticeOf(attempted.refusal) };
        return pageResponse(c, <BackfillPage {...view} />, statusOf(attempted.refusal));
      }),
    );
  }
  return app;
}
