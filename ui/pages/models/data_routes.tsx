import { Hono } from "hono";
import { publicationsOf } from "../../../contract/lineage/across.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { forUser, type PageContext, pageResponse } from "../page_context.tsx";
import { publishedNames } from "../../parts/published_names.ts";
import { DataPage } from "./data_page.tsx";

/** What a pipeline publishes. */
export function dataRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    "/pipelines/:name/data",
    forUser(pages, async (visit) => {
      const { c, engine } = visit;
      const pipeline = c.req.param("name") ?? "";
      const detail = await engine.getPipeline(pipeline);
      const snapshots = await engine.data.list(pipeline);
      const names = publishedNames(detail);
      const readers = names.length === 0 ? [] : publicationsOf(await engine.getLineage(pipeline));
      const models = names.map((model) => ({
        model,
        snapshot: snapshots.find((one) => one.model === model),
        readers: [...new Set(readers.filter((one) => one.model === model).map((one) => one.reader))],
      }));
      const frame = await visit.about(pipeline);
      const { origin } = new URL(c.req.url);
      return pageResponse(
        c,
        <DataPage frame={frame} pipeline={pipeline} models={models} origin={origin} />,
      );
    }),
  );
  return app;
}
