import { Hono } from "hono";
import type { RejectChange } from "../../contract/rejects.ts";
import type { PipelineSummary } from "../../contract/run.ts";
import type { Engine } from "../../engine/control/engine.ts";
import type { AppEnv } from "../../server/http/app_env.ts";
import { statusOf } from "../../server/http/problem.ts";
import {
  attempt,
  forPermitted,
  forUser,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  type Visit,
} from "./page_context.tsx";
import { PipelinePage, type PipelineView } from "./pipeline_page.tsx";
import {
  choosePipelines,
  PIPELINE_FILTERS,
  type PipelineRow,
  PipelinesPage,
  STRIP_RUNS,
} from "./pipelines_page.tsx";
import { loadTable } from "./models/load_table.ts";
import { TablePage } from "./models/table_page.tsx";
import { formatPlural } from "../../text/format.ts";
import { readRunForm, toRunRequest } from "../parts/runs/run_form.ts";

const RECENT_RUNS = 10;

/** The overview, a pipeline, and what can be done with one. */
export function pipelineRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get(
    "/",
    forUser(pages, async ({ c, frame, engine }) => {
      const filter = PIPELINE_FILTERS.find((name) => name === c.req.query("show")) ?? "all";
      const search = c.req.query("q") ?? "";
      const all = await engine.listPipelines();
      const environments = [...new Set(all.flatMap(({ environment }) => environment ?? []))].sort();
      const environment = environments.find((name) => name === c.req.query("env")) ?? null;
      const pipelines = all.filter((pipeline) => pipeline.environment === environment);
      const choice = { filter, search, isWhole: c.req.query("all") !== undefined };
      const { chosen, more } = choosePipelines(pipelines, choice);
      const rows = await loadRows(engine, chosen);
      const view = { frame, environments, environment, pipelines, rows, more, filter, search };
      return pageResponse(c, <PipelinesPage {...view} />);
    }),
  );

  app.get(
    "/pipelines/:name",
    forUser(pages, async (visit) => {
      const { engine } = visit;
      return pageResponse(visit.c, <PipelinePage {...await loadView(engine, visit)} />);
    }),
  );

  app.post(
    "/pipelines/:name/verification",
    forPermitted(pages, "pipeline:run", async (visit) => {
      const { c, user, engine } = visit;
      const name = pipelineName(visit);
      const attempted = await attempt(() => engine.startVerification(name, null, user.name));
      if ("value" in attempted) return c.redirect(`/pipelines/${encodeURIComponent(name)}#loads`, 303);
      const view = { ...await loadView(engine, visit), notice: noticeOf(attempted.refusal) };
      return pageResponse(c, <PipelinePage {...view} />, statusOf(attempted.refusal));
    }),
  );

  app.post(
    "/pipelines/:name/tables/:table/verification",
    forPermitted(pages, "pipeline:run", async (visit) => {
      const { c, user, engine } = visit;
      const [name, table] = [pipelineName(visit), c.req.param("table") ?? ""];
      await engine.startVerification(name, table, user.name);
      return c.redirect(tablePath(name, table), 303);
    }),
  );

  for (const path of ["/pipelines/:name", "/pipelines/:name/tables/:table"]) {
    app.post(
      `${path}/verification/stop`,
      forPermitted(pages, "pipeline:run", async (visit) => {
        const { c, user, engine } = visit;
        const [name, table] = [pipelineName(visit), c.req.param("table")];
        await engine.stopVerification(name, user.name);
        return c.redirect(
          table === undefined ? `/pipelines/${encodeURIComponent(name)}#loads` : tablePath(name, table),
          303,
        );
      }),
    );
  }

  for (const action of ["replay", "drop"] as const) {
    app.post(
      `/pipelines/:name/rejects/:stream/${action}`,
      forPermitted(pages, "pipeline:run", async (visit) => {
        const { engine } = visit;
        const stream = visit.c.req.param("stream") ?? "";
        const positions = visit.c.req.queries("position");
        const attempted = await attempt(() =>
          engine.changeRejects(pipelineName(visit), stream, { action, positions }, visit.c.req.raw.signal)
        );
        const told = "value" in attempted ? tellChange(attempted.value) : noticeOf(attempted.refusal).message;
        const table = await tableOf(engine, pipelineName(visit), stream);
        const view = { ...await loadTable(visit, table, { isTold: true }), told };
        return pageResponse(
          visit.c,
          <TablePage {...view} />,
          "value" in attempted ? 200 : statusOf(attempted.refusal),
        );
      }),
    );
  }

  app.post(
    "/pipelines/:name/runs",
    forPermitted(pages, "pipeline:run", async (visit) => {
      const { c, user, engine } = visit;
      const name = pipelineName(visit);
      const values = readRunForm(await readForm(c));
      const attempted = await attempt(() =>
        engine.triggerRun(name, { ...toRunRequest(values), trigger: "page", triggeredBy: user.name })
      );
      if ("value" in attempted) return c.redirect(`/runs/${encodeURIComponent(attempted.value.id)}`, 303);
      const view = {
        ...await loadView(engine, visit),
        notice: noticeOf(attempted.refusal),
        formValues: values,
      };
      return pageResponse(c, <PipelinePage {...view} />, statusOf(attempted.refusal));
    }),
  );

  for (const { action, paused } of [{ action: "pause", paused: true }, { action: "resume", paused: false }]) {
    app.post(
      `/pipelines/:name/${action}`,
      forPermitted(pages, "pipeline:pause", async (visit) => {
        const { engine } = visit;
        const name = pipelineName(visit);
        await engine.setPaused(name, paused);
        return visit.c.redirect(`/pipelines/${encodeURIComponent(name)}`, 303);
      }),
    );
  }

  return app;
}

/** The table that a stream writes, or that a load sends. */
async function tableOf(engine: Engine, pipeline: string, stream: string): Promise<string> {
  const loads = stream.startsWith("load:") ? await engine.listLoads(pipeline) : [];
  return loads.find(({ load }) => load === stream)?.table ?? `raw.${stream}`;
}

function tellChange({ stream, replayed, dropped, left, reason }: RejectChange): string {
  const done = dropped > 0
    ? `${formatPlural(dropped, "reject")} dropped`
    : stream.startsWith("load:")
    ? `${formatPlural(replayed, "row")} sent again and taken`
    : `${formatPlural(replayed, "row")} replayed into raw.${stream}`;
  return left === 0 ? done : `${done}, ${left} left${reason === null ? "" : `: ${reason}`}`;
}

const tablePath = (pipeline: string, table: string): string =>
  `/pipelines/${encodeURIComponent(pipeline)}/tables/${encodeURIComponent(table)}#loads`;

function pipelineName({ c }: Visit): string {
  return c.req.param("name") ?? "";
}

async function loadRows(engine: Engine, pipelines: readonly PipelineSummary[]): Promise<PipelineRow[]> {
  const runs = await engine.history.recentOf(pipelines.map(({ name }) => name), STRIP_RUNS);
  return pipelines.map((pipeline) => ({ pipeline, runs: runs.get(pipeline.name) ?? [] }));
}

async function loadView(engine: Engine, visit: Visit): Promise<PipelineView> {
  const name = pipelineName(visit);
  const frame = await visit.about(name);
  const [pipeline, tables, streams, loads, runs, history] = await Promise.all([
    engine.getPipeline(name),
    engine.listTables(name),
    engine.listStreams(name),
    engine.listLoads(name),
    engine.listRuns({ pipeline: name, limit: RECENT_RUNS }),
    engine.history.ofPipeline(name, {}),
  ]);
  const newest = runs[0];
  const lastRun = newest === undefined ? {} : { lastRun: await engine.getRun(newest.id) };
  const verification = frame.may("pipeline:data")
    ? {
      verification: await engine.getVerification(name),
      rejects: await engine.listRejects(name),
      webhooks: await engine.webhooks.list(name),
    }
    : {};
  const find = visit.c.req.query("find") ?? "";
  return { frame, pipeline, tables, streams, loads, runs, history, find, ...verification, ...lastRun };
}
