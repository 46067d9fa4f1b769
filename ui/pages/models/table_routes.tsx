import { Hono } from "hono";
import { AppError, type ErrorCode } from "../../../contract/errors.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import { forPermitted, forUser, type PageContext, pageResponse } from "../page_context.tsx";
import { loadTable } from "./load_table.ts";
import { TablePage } from "./table_page.tsx";

/** So many rows of a preview are shown: more are for programs. */
const SHOWN_ROWS = 100;
/** What is wrong with the SQL or has to be waited for: all else is a page of its own. */
const SHOWN_ON_PAGE: readonly ErrorCode[] = ["invalid", "conflict", "unavailable", "timeout"];

/** A raw table or a model: what it is, and its rows. */
export function tableRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    "/pipelines/:name/tables/:table",
    forUser(pages, async (visit) => {
      const view = await loadTable(visit, visit.c.req.param("table") ?? "");
      return pageResponse(visit.c, <TablePage {...view} />);
    }),
  );
  // By POST: it takes a process and a copy, and a link must not start that.
  app.post(
    "/pipelines/:name/tables/:table/preview",
    forPermitted(pages, "pipeline:data", async (visit) => {
      const { c, engine } = visit;
      const [pipeline, model] = [c.req.param("name") ?? "", c.req.param("table") ?? ""];
      try {
        const wanted = { pipeline, model, limit: SHOWN_ROWS, cells: "shown" } as const;
        const shown = await engine.queries.preview(wanted, c.req.raw.signal);
        const view = await loadTable(visit, model, { withRows: false });
        return pageResponse(c, <TablePage {...view} shown={shown} />);
      } catch (error) {
        if (!(error instanceof AppError) || !SHOWN_ON_PAGE.includes(error.code)) throw error;
        const view = await loadTable(visit, model);
        return pageResponse(c, <TablePage {...view} refusal={error} />, statusOf(error));
      }
    }),
  );
  return app;
}
