import { Hono } from "hono";
import { AppError } from "../../../contract/errors.ts";
import { MAX_SQL_CHARS, type QueryResult } from "../../../contract/queries/query.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { statusOf } from "../../../server/http/problem.ts";
import {
  forPermitted,
  type PageContext,
  pageResponse,
  readForm,
  textOf,
  type Visit,
} from "../page_context.tsx";
import { QueryPage } from "./query_page.tsx";

/** So many rows are shown: more are for programs. */
const SHOWN_ROWS = 500;

interface Asked {
  readonly pipeline: string;
  readonly sql: string;
  readonly result?: QueryResult;
  readonly refusal?: AppError;
}

/** SQL over copies of warehouses; what a link asks is shown, and asked by a click. */
export function queryRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  const page = async ({ c, frame, engine }: Visit, asked: Asked): Promise<Response> => {
    const pipelines = await engine.pipelineNames();
    const { refusal } = asked;
    return pageResponse(
      c,
      <QueryPage frame={frame} pipelines={pipelines} {...asked} />,
      refusal === undefined ? 200 : statusOf(refusal),
    );
  };

  app.get(
    "/query",
    forPermitted(pages, "pipeline:data", (visit) =>
      page(visit, {
        pipeline: visit.c.req.query("pipeline") ?? "",
        sql: (visit.c.req.query("sql") ?? "").slice(0, MAX_SQL_CHARS),
      })),
  );
  app.post(
    "/query",
    forPermitted(pages, "pipeline:data", async (visit) => {
      const form = await readForm(visit.c);
      const pipeline = textOf(form, "pipeline");
      const sql = textOf(form, "sql").replaceAll("\r\n", "\n");
      try {
        if (sql.length > MAX_SQL_CHARS) throw new AppError("invalid", "The SQL is too long");
        const result = await visit.engine.queries.query({
          // The box is for one: what ends it is no part of it.
          sql: sql.replace(/;\s*$/, ""),
          ...(pipeline === "" ? {} : { pipeline }),
          limit: SHOWN_ROWS,
          cells: "shown",
        }, visit.c.req.raw.signal);
        return await page(visit, { pipeline, sql, result });
      } catch (error) {
        if (!(error instanceof AppError) || error.code === "internal" || error.code === "forbidden") {
          throw error;
        }
        return await page(visit, { pipeline, sql, refusal: error });
      }
    }),
  );
  return app;
}
