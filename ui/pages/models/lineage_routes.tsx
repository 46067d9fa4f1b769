import { Hono } from "hono";
import type { PipelineLineage, TableLineage } from "../../../contract/lineage/lineage.ts";
import { requireColumn, requireTable, traceLineage } from "../../../contract/lineage/trace.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { drawLineage } from "../../parts/lineage/lineage_picture.ts";
import { forUser, type PageContext, pageResponse } from "../page_context.tsx";
import { LineagePage } from "./lineage_page.tsx";

/** Of more tables the picture would be a carpet: one is chosen first. */
const MOST_TABLES = 400;

/** Where the columns of a pipeline's tables come from. */
export function lineageRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get(
    "/pipelines/:name/lineage",
    forUser(pages, async (visit) => {
      const { c, engine } = visit;
      const pipeline = c.req.param("name") ?? "";
      const whole = await engine.getLineage(pipeline);
      const tableOf = (name: string | undefined): TableLineage | undefined =>
        name === undefined || name === "" ? undefined : requireTable(whole, name);
      const focus = tableOf(c.req.query("model"));
      const table = tableOf(c.req.query("table")) ?? focus;
      const name = c.req.query("column");
      const column = table === undefined || !name ? undefined : requireColumn(table, name);
      const selected = table === undefined || column === undefined
        ? undefined
        : { table: table.id, column: column.name };
      const shown = partOf(whole, focus);
      const isTooLarge = shown.tables.length > MOST_TABLES;
      const picture = isTooLarge ? undefined : await drawLineage(shown, whole, selected);
      const frame = await visit.about(pipeline);
      return pageResponse(
        c,
        <LineagePage
          frame={frame}
          pipeline={pipeline}
          lineage={whole}
          focus={focus}
          table={table}
          column={column}
          picture={picture}
        />,
      );
    }),
  );
  return app;
}

function partOf(whole: PipelineLineage, focus: TableLineage | undefined): PipelineLineage {
  return focus === undefined ? whole : traceLineage(whole, { table: focus.id, direction: "both" });
}
