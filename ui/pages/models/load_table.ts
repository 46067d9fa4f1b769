import type { RunDetail } from "../../../contract/run.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import { findTable, type Table } from "../../../contract/table.ts";
import type { Engine } from "../../../engine/control/engine.ts";
import { lookAround } from "../../parts/lineage/table_around.tsx";
import { checkName } from "../../parts/steps/step_names.tsx";
import type { Visit } from "../page_context.tsx";
import type { TableView } from "./table_page.tsx";

/** In so many runs, the newest, checks of a table are looked for: a run of some steps leaves others out. */
const CHECKED_RUNS = 5;

/** A table with its rows, and a stream's rejects, as far as the user may look at rows. */
export async function loadTable(
  visit: Visit,
  name: string,
  { isTold = false, withRows = true } = {},
): Promise<TableView> {
  const { engine } = visit;
  const pipeline = visit.c.req.param("name") ?? "";
  const frame = await visit.about(pipeline);
  const table = findTable(await engine.listTables(pipeline), pipeline, name);
  const isStream = table.name.startsWith("raw.");
  const stream = table.name.slice("raw.".length);
  const facts = {
    frame,
    pipeline,
    table,
    loads: (await engine.listLoads(pipeline)).filter((load) => load.table === table.name),
    mayChange: frame.may("pipeline:run"),
    ...await madeOf(engine, pipeline, table),
    ...(frame.may("pipeline:data") ? { verification: await engine.getVerification(pipeline) } : {}),
    ...(isStream ? { schema: await engine.getStreamSchema(pipeline, stream) } : {}),
    ...(isStream ? await followedOf(engine, pipeline, stream) : {}),
  };
  if (!frame.may("pipeline:data")) return facts;
  const preview = withRows ? { preview: await engine.previewTable(pipeline, table.name) } : {};
  const loadRejects = await rejectsOf(engine, pipeline, facts.loads.map(({ load }) => load));
  const view = { ...facts, ...preview, loadRejects };
  if (!isStream) return view;
  const rejects = await engine.getRejects(pipeline, stream);
  return rejects.count === 0 && !isTold ? view : { ...view, rejects };
}

/** What makes the table, what is around it, and how its checks went. */
async function madeOf(
  engine: Engine,
  pipeline: string,
  table: Table,
): Promise<Pick<TableView, "step" | "around" | "checked">> {
  const [{ steps }, lineage] = await Promise.all([engine.getPipeline(pipeline), engine.getLineage(pipeline)]);
  const step = steps.find((one) => one.name === table.step);
  const around = await lookAround(pipeline, lineage, table.name);
  const isChecked = steps.some((one) => one.kind === "check" && checkName(one.name).model === table.name);
  const checked = isChecked ? await lastChecked(engine, pipeline, table.name) : undefined;
  return {
    ...(step === undefined ? {} : { step }),
    ...(around === undefined ? {} : { around }),
    ...(checked === undefined ? {} : { checked }),
  };
}

async function lastChecked(engine: Engine, pipeline: string, table: string): Promise<RunDetail | undefined> {
  for (const { id } of await engine.listRuns({ pipeline, limit: CHECKED_RUNS })) {
    const run = await engine.getRun(id);
    const steps = run.steps.filter((step) => step.kind === "check" && checkName(step.name).model === table);
    if (steps.some(({ state }) => state !== "pending" && state !== "skipped")) return { ...run, steps };
  }
  return undefined;
}

/** Those of the steps of loads that have some. */
async function rejectsOf(
  engine: Engine,
  pipeline: string,
  steps: readonly string[],
): Promise<readonly StreamRejects[]> {
  const some = (await engine.listRejects(pipeline)).filter(({ stream }) => steps.includes(stream));
  return await Promise.all(some.map(({ stream }) => engine.getRejects(pipeline, stream)));
}

async function followedOf(
  engine: Engine,
  pipeline: string,
  stream: string,
): Promise<Pick<TableView, "followed">> {
  const { followed } = await engine.getPipeline(pipeline);
  const found = followed.find(({ streams }) => streams.some((one) => one.stream === stream));
  return found === undefined ? {} : { followed: found };
}
