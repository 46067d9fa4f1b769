import { Hono } from "hono";
import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";
import { noteSchema, type RunAnnotation, tagsSchema } from "../../contract/runs/annotation.ts";
import { isTerminal } from "../../contract/run_state.ts";
import { RUN_STATES } from "../../contract/run.ts";
import type { AppEnv } from "../../server/http/app_env.ts";
import { cancelQueued } from "../../server/routes/cancel_queued.ts";
import { statusOf } from "../../server/http/problem.ts";
import {
  attempt,
  forPermitted,
  forUser,
  isRefresh,
  noticeOf,
  type PageContext,
  pageResponse,
  readForm,
  type Visit,
} from "./page_context.tsx";
import { findLogs, readLastLogs, streamLogText } from "./logs/run_logs.ts";
import { readLogSearch } from "../parts/logs/log_search_form.tsx";
import { RunPage, type RunView } from "./run_page.tsx";
import { FailedRowsPage } from "./checks/failed_rows_page.tsx";
import { RunsPage } from "./runs_page.tsx";

const RUNS_PER_PAGE = 50;
/** The script keeps the log up to date by itself. */
const NO_LOGS = { logs: [], hasOlderLogs: false } as const;

/** The history, one run, and what can be done with it. */
export function runRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  app.get(
    "/runs",
    forUser(pages, async ({ c, frame, engine }) => {
      const state = RUN_STATES.find((name) => name === c.req.query("state"));
      const { pipeline, group, tag, before } = c.req.query();
      const filter = {
        ...(state === undefined ? {} : { state }),
        ...(pipeline ? { pipeline } : {}),
        ...(group ? { group } : {}),
        ...(tag ? { tag } : {}),
        ...(before ? { before } : {}),
      };
      const [runs, pipelines] = await Promise.all([
        // One more than is shown: then older ones follow.
        engine.listRuns({ ...filter, limit: RUNS_PER_PAGE + 1 }),
        engine.pipelineNames(),
      ]);
      return pageResponse(
        c,
        <RunsPage
          {...filter}
          frame={frame}
          runs={runs.slice(0, RUNS_PER_PAGE)}
          hasMore={runs.length > RUNS_PER_PAGE}
          pipelines={pipelines}
        />,
      );
    }),
  );

  app.get(
    "/runs/:id",
    forUser(pages, async (visit) => {
      return pageResponse(visit.c, <RunPage {...await loadView(visit)} />);
    }),
  );

  app.get(
    "/runs/:id/checks/:check",
    forUser(pages, async ({ c, frame, engine }) => {
      const run = await engine.getRun(c.req.param("id") ?? "");
      const found = await engine.getFailedRows(run.id, c.req.param("check") ?? "");
      return pageResponse(c, <FailedRowsPage frame={frame} run={run} found={found} />);
    }),
  );

  app.get(
    "/runs/:id/manifest.json",
    forUser(pages, async ({ c, engine }) => {
      const manifest = await engine.manifests.get(c.req.param("id") ?? "");
      return c.body(`${JSON.stringify(manifest, null, 2)}\n`, 200, {
        "content-type": "application/json; charset=utf-8",
        "content-disposition": `attachment; filename="manifest-${manifest.run}.json"`,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
    }),
  );

  app.get(
    "/runs/:id/log",
    forUser(pages, async ({ c, engine }) => {
      const run = await engine.getRun(c.req.param("id") ?? "");
      return c.body(streamLogText(engine, run.id), 200, {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
    }),
  );

  app.post(
    "/runs/cancel",
    forPermitted(pages, "pipeline:run", async ({ c, user, engine }) => {
      const form = await readForm(c);
      const filter: Record<string, string> = {};
      for (const name of ["pipeline", "group"]) {
        const value = form.get(name);
        if (typeof value === "string" && value !== "") filter[name] = value;
      }
      await cancelQueued(engine, filter, user.name);
      return c.redirect(`/runs?${new URLSearchParams({ ...filter, state: "cancelled" })}`, 303);
    }),
  );

  const actions = {
    cancel: (id: string, { user, engine }: Visit) => engine.cancelRun(id, user.name),
    retry: (id: string, { engine }: Visit) => engine.retryRun(id),
    annotate: async (id: string, { c, engine }: Visit) => {
      const form = await readForm(c);
      const textOf = (name: string) => {
        const value = form.get(name);
        return typeof value === "string" ? value.trim() : "";
      };
      const words = textOf("tags").split(/[\s,]+/).filter((word) => word !== "");
      return await engine.annotateRun(id, readAnnotation(words, textOf("note")));
    },
    rerun: async (id: string, { c, user, engine }: Visit) => {
      const from = (await readForm(c)).get("from");
      return await engine.rerunRun(id, {
        ...(typeof from === "string" && from !== "" ? { from } : {}),
        triggeredBy: user.name,
      });
    },
  };
  for (const [name, act] of Object.entries(actions)) {
    app.post(
      `/runs/:id/${name}`,
      forPermitted(pages, "pipeline:run", async (visit) => {
        const { c } = visit;
        const attempted = await attempt(() => act(c.req.param("id") ?? "", visit));
        if ("value" in attempted) return c.redirect(`/runs/${encodeURIComponent(attempted.value.id)}`, 303);
        const view = { ...await loadView(visit), notice: noticeOf(attempted.refusal) };
        return pageResponse(c, <RunPage {...view} />, statusOf(attempted.refusal));
      }),
    );
  }

  app.post(
    "/runs/:id/replay",
    forPermitted(pages, "pipeline:data", async (visit) => {
      const { c, engine } = visit;
      const id = c.req.param("id") ?? "";
      const attempted = await attempt(() => engine.manifests.replay(id, c.req.raw.signal));
      const view = await loadView(visit);
      if ("value" in attempted) return pageResponse(c, <RunPage {...view} replay={attempted.value} />);
      const notice = noticeOf(attempted.refusal);
      return pageResponse(c, <RunPage {...view} notice={notice} />, statusOf(attempted.refusal));
    }),
  );

  return app;
}

/** Throws invalid. */
function readAnnotation(words: readonly string[], note: string): RunAnnotation {
  const parsed = v.safeParse(v.object({ tags: tagsSchema, note: noteSchema }), { tags: words, note });
  if (parsed.success) return parsed.output;
  throw new AppError("invalid", `The run's note and tags cannot be kept: ${parsed.issues[0].message}`);
}

async function loadView({ c, engine, about }: Visit): Promise<RunView> {
  const id = c.req.param("id") ?? "";
  const asked = Number(c.req.query("attempt") ?? "");
  const attempt = Number.isInteger(asked) && asked > 0 ? asked : undefined;
  const logSearch = readLogSearch((name) => c.req.query(name));
  const [run, logs] = await Promise.all([
    engine.getRun(id, attempt),
    isRefresh(c)
      ? NO_LOGS
      : Object.keys(logSearch).length > 0
      ? findLogs(engine, id, logSearch)
      : readLastLogs(engine, id),
  ]);
  // The newest is what the page shows anyway, as it goes on.
  const earlier = attempt === undefined || attempt === run.attempt ? {} : { attempt };
  const manifest = isTerminal(run.state) ? { manifest: await engine.manifests.get(run.id) } : {};
  const find = c.req.query("find") ?? "";
  return { frame: await about(run.pipeline), run, find, ...earlier, ...manifest, ...logs };
}
