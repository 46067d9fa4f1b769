import { deepEqual, equal } from "node:assert/strict";
import type { Step } from "../../../../../contract/run.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../../engine/duckdb/session.ts";
import { foldJournal } from "../../../../../engine/warehouse/steps/journal.ts";
import {
  noteBuiltModel,
  readBuiltModels,
  readModelsOfCopy,
} from "../../../../../engine/warehouse/models/built_models.ts";
import { committedSteps, recordStep } from "../../../../../engine/warehouse/steps/step_ledger.ts";
import {
  noteNewSteps,
  readStepWindows,
  recordStepWindow,
} from "../../../../../engine/warehouse/steps/step_windows.ts";
import { prepareWarehouse } from "../../../../../engine/warehouse/warehouse.ts";
import type { ModelDefinition } from "../../../../../sql/build/model_change.ts";

const definition = (sql: string): ModelDefinition => ({
  materialized: "table",
  primaryKey: [],
  updateKey: null,
  sql,
});

const step = (rows: number): Step => ({
  name: "model:o'hare",
  kind: "model",
  state: "succeeded",
  attempt: 1,
  rows,
  size_bytes: null,
  started_at: null,
  finished_at: null,
  duration_ms: null,
  error: null,
  sql: "SELECT 'it''s'",
  depends: [],
});

async function withWarehouse(work: (session: DuckSession) => Promise<void>): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await prepareWarehouse(session);
  await work(session);
}

/** What a step of a model notes in its transaction. */
async function build(session: DuckSession, runId: string, rows: number, endMs: number): Promise<void> {
  await session.transaction(async () => {
    await noteBuiltModel(session, "O'Hare", definition(`${runId} ${rows}`), runId);
    await recordStep(session, runId, step(rows));
    await recordStepWindow(session, "model:o'hare", runId, { startMs: null, endMs });
  });
}

async function known(session: DuckSession) {
  return {
    steps: [...await committedSteps(session, "run1"), ...await committedSteps(session, "run2")].map((
      [name, { rows, sql }],
    ) => [name, rows, sql]),
    windows: [...await readStepWindows(session)],
    models: [...await readBuiltModels(session)].map(([name, { sql }]) => [name, sql]),
  };
}

Deno.test("what steps note is where it is looked up when the journal is folded, the last of each", async () => {
  await withWarehouse(async (session) => {
    await noteNewSteps(session, new Map([["model:o'hare", null], ["load:x", 7]]), "run1");
    await build(session, "run1", 1, 100);
    await build(session, "run1", 2, 200);
    deepEqual((await known(session)).steps, []);
    await foldJournal(session);
    const load = ["load:x", { runId: "run1", isDone: false, startMs: null, endMs: 7 }];
    deepEqual(await known(session), {
      steps: [["model:o'hare", 2, "SELECT 'it''s'"]],
      windows: [
        ["model:o'hare", { runId: "run1", isDone: true, startMs: null, endMs: 200 }],
        load,
      ],
      models: [["o'hare", "run1 2"]],
    });
    await build(session, "run2", 3, 300);
    await foldJournal(session);
    deepEqual(await known(session), {
      steps: [["model:o'hare", 2, "SELECT 'it''s'"], ["model:o'hare", 3, "SELECT 'it''s'"]],
      windows: [
        ["model:o'hare", { runId: "run2", isDone: true, startMs: null, endMs: 300 }],
        load,
      ],
      models: [["o'hare", "run2 3"]],
    });
    equal((await session.rows("FROM _sluice.journal")).length, 0);
  });
});

Deno.test("a transaction that is undone notes nothing", async () => {
  await withWarehouse(async (session) => {
    await session.transaction(async () => {
      await recordStep(session, "run1", step(1));
      throw new Error("undone");
    }).catch(() => {});
    await foldJournal(session);
    deepEqual((await known(session)).steps, []);
  });
});

Deno.test("what a killed process left in the journal is folded by who opens the warehouse, and seen in a copy before", async () => {
  await withWarehouse(async (session) => {
    await build(session, "run1", 1, 100);
    await foldJournal(session);
    await build(session, "run2", 2, 200);
    deepEqual([...await readModelsOfCopy(session)].map(([name, { sql }]) => [name, sql]), [[
      "o'hare",
      "run2 2",
    ]]);
    await prepareWarehouse(session);
    const { models, windows } = await known(session);
    deepEqual(models, [["o'hare", "run2 2"]]);
    equal(windows[0]?.[1].endMs, 200);
  });
});

Deno.test("of a warehouse without these tables nothing is known", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  equal((await readModelsOfCopy(session)).size, 0);
});
