import { Hono } from "hono";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
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
import { VersionPage, VersionsPage } from "./versions_page.tsx";

const SHOWN_VERSIONS = 50;

/** The versions of a pipeline, what each changed, and going back. */
export function versionRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const pipelineOf = ({ c }: Visit) => c.req.param("name") ?? "";

  const list = async (visit: Visit, refusal?: AppError): Promise<Response> => {
    const pipeline = pipelineOf(visit);
    const before = visit.c.req.query("before");
    const found = await visit.engine.versions.list(pipeline, {
      limit: SHOWN_VERSIONS + 1,
      ...(before === undefined ? {} : { before: versionOf(before) }),
    });
    const versions = found.slice(0, SHOWN_VERSIONS);
    const last = versions.at(-1);
    const next = found.length > SHOWN_VERSIONS && last !== undefined ? { next: String(last.version) } : {};
    const notice = refusal === undefined ? {} : { notice: noticeOf(refusal) };
    const view = { frame: await visit.about(pipeline), pipeline, versions, ...next, ...notice };
    return pageResponse(
      visit.c,
      <VersionsPage {...view} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  app.get("/pipelines/:name/versions", forUser(pages, (visit) => list(visit)));

  app.get(
    "/pipelines/:name/versions/:revision",
    forUser(pages, async (visit) => {
      const { c, engine } = visit;
      const pipeline = pipelineOf(visit);
      const against = c.req.query("against");
      const changes = await engine.versions.changes(pipeline, c.req.param("revision") ?? "", {
        plan: true,
        ...(against === undefined || against === "" ? {} : { against }),
      });
      const { revision } = await engine.getPipeline(pipeline);
      const frame = await visit.about(pipeline);
      const view = {
        frame,
        pipeline,
        changes,
        isInForce: revision === changes.to,
        others: await engine.versions.list(pipeline, { limit: SHOWN_VERSIONS }),
      };
      return pageResponse(c, <VersionPage {...view} />);
    }),
  );

  app.post(
    "/pipelines/:name/rollback",
    forPermitted(pages, "pipeline:edit", async (visit) => {
      const { c, engine } = visit;
      const pipeline = pipelineOf(visit);
      const revision = (await readForm(c)).get("revision");
      if (typeof revision !== "string") throw new AppError("invalid", "The form names no revision");
      const attempted = await attempt(() => engine.versions.rollBack(pipeline, revision));
      if ("refusal" in attempted) return await list(visit, attempted.refusal);
      return c.redirect(`/pipelines/${encodeURIComponent(pipeline)}/versions`, 303);
    }),
  );
  return app;
}

function versionOf(before: string): number {
  if (/^\d{1,15}$/.test(before)) return Number(before);
  throw new AppError("not_found", `There is no version ${quoteName(before)}`);
}
