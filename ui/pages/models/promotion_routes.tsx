import { Hono } from "hono";
import { splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
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
import { PromotionPage } from "./promotion_page.tsx";

/** What comes of the promotion of an environment's pipeline, and doing it. */
export function promotionRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  const show = async (visit: Visit, refused?: AppError): Promise<Response> => {
    const { c, engine } = visit;
    const placed = placeOf(visit);
    const { pipeline, environment } = placed;
    const found = await attempt(() =>
      engine.environments.planPromotion(environment, [pipeline], c.req.raw.signal)
    );
    const refusal = refused ?? ("refusal" in found ? found.refusal : undefined);
    const view = {
      frame: await visit.about(placed.name),
      ...placed,
      plan: "value" in found ? found.value.pipelines[0] : undefined,
      ...(refusal === undefined ? {} : { notice: noticeOf(refusal) }),
    };
    return pageResponse(c, <PromotionPage {...view} />, refused === undefined ? 200 : statusOf(refused));
  };

  app.get("/pipelines/:name/promotion", forPermitted(pages, "project:apply", (visit) => show(visit)));

  app.post(
    "/pipelines/:name/promotion",
    forPermitted(pages, "project:apply", async (visit) => {
      const { c, engine, user } = visit;
      const { pipeline, environment } = placeOf(visit);
      const attempted = await attempt(() =>
        engine.environments.promote(environment, { pipelines: [pipeline], triggeredBy: user.name })
      );
      if ("refusal" in attempted) return await show(visit, attempted.refusal);
      const run = attempted.value.promoted[0]?.run ?? null;
      const path = run === null
        ? `/pipelines/${encodeURIComponent(pipeline)}`
        : `/runs/${encodeURIComponent(run)}`;
      return c.redirect(path, 303);
    }),
  );
  return app;
}

/** Throws not_found for a pipeline of production. */
function placeOf({ c }: Visit) {
  const name = c.req.param("name") ?? "";
  const { pipeline, environment } = splitPlacedName(name);
  if (environment !== null) return { name, pipeline, environment };
  throw new AppError("not_found", `${quoteName(name)} is in no environment: there is nothing to promote`);
}
