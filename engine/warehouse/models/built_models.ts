import type { Step } from "../../../contract/run.ts";
import type { TableFacts } from "../../../contract/runs/manifest.ts";
import { nameKey, type SqlSession } from "../../../contract/sql.ts";
import { noteInJournal } from "../steps/journal.ts";
import { putRow } from "../put_row.ts";
import type { ModelDefinition } from "../../../sql/build/model_change.ts";

/**
 * What the tables and views of main were made by, so that a model whose definition changes does not mix
 * its rows with older ones. It is written in the transaction of the rows themselves (rule 1).
 */

/** Undefined for a model that was never built, or not since its making is noted. */
export async function readBuiltModel(
  session: SqlSession,
  model: string,
): Promise<ModelDefinition | undefined> {
  const [row] = await session.rows("SELECT definition FROM _sluice.models WHERE model = ?", [nameKey(model)]);
  return row === undefined ? undefined : JSON.parse(String(row["definition"]));
}

/** By the models' names as nameKey has them. */
export async function readBuiltModels(session: SqlSession): Promise<Map<string, ModelDefinition>> {
  const rows = await session.rows("SELECT model, definition FROM _sluice.models ORDER BY model");
  return new Map(rows.map((row) => [String(row["model"]), JSON.parse(String(row["definition"]))]));
}

/** The same in a warehouse that is only read, where the journal may not be folded yet. */
export async function readModelsOfCopy(session: SqlSession): Promise<Map<string, ModelDefinition>> {
  const found = await session.rows(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_catalog = current_database()
       AND table_schema = '_sluice' AND table_name IN ('models', 'journal')`,
  );
  const tables = new Set(found.map(({ name }) => name));
  // Of a warehouse that is older than this note, or of none, nothing is known.
  const models = tables.has("models") ? await readBuiltModels(session) : new Map<string, ModelDefinition>();
  if (!tables.has("journal")) return models;
  const noted = await session.rows(
    "SELECT name, value FROM _sluice.journal WHERE kind = 'model' ORDER BY rowid",
  );
  for (const { name, value } of noted) models.set(String(name), JSON.parse(String(value)));
  return models;
}

/** What each model was last built by, with the run that did it; by the models' names as nameKey has them. */
export async function readModelBuilds(
  session: SqlSession,
): Promise<Map<string, { readonly definition: ModelDefinition; readonly run: string }>> {
  const rows = await session.rows("SELECT model, definition, run_id AS run FROM _sluice.models");
  return new Map(
    rows.map(({ model, definition, run }) => [
      String(model),
      { definition: JSON.parse(String(definition)), run: String(run) },
    ]),
  );
}

/**
 * What the run that built the model last made of it, as its step says; undefined where that is not known, as of a table
 * that a run has left half done.
 */
export async function outputOf(session: SqlSession, model: string): Promise<TableFacts | undefined> {
  return (await stepOf(session, model))?.manifest?.output;
}

/** The step of the run that built the model last; undefined where it is not known any more, or not done. */
export async function stepOf(
  session: SqlSession,
  model: string,
): Promise<Pick<Step, "manifest" | "rows"> | undefined> {
  const [row] = await session.rows(
    `SELECT result FROM _sluice.steps WHERE step = ? AND run_id = (SELECT run_id FROM _sluice.models WHERE model = ?)`,
    [`model:${model}`, nameKey(model)],
  );
  return row === undefined ? undefined : JSON.parse(String(row["result"]));
}

/** Called in the transaction that builds the model; `readBuiltModel` knows of it from then on. */
export async function writeBuiltModel(
  session: SqlSession,
  model: string,
  definition: ModelDefinition,
  runId: string,
): Promise<void> {
  const values = { definition: JSON.stringify(definition), run_id: runId, built_at: new Date() };
  await putRow(session, "_sluice.models", { model: nameKey(model) }, values);
}

/** The same for what nothing asks about before the run has ended. */
export async function noteBuiltModel(
  session: SqlSession,
  model: string,
  definition: ModelDefinition,
  runId: string,
): Promise<void> {
  await noteInJournal(session, { kind: "model", name: nameKey(model), runId, value: definition });
}

/** Forgets a model, and for which window it was built. */
export async function forgetBuiltModel(session: SqlSession, model: string): Promise<void> {
  await session.run("DELETE FROM _sluice.models WHERE model = ?", [nameKey(model)]);
  await session.run("DELETE FROM _sluice.windows WHERE step = ?", [`model:${model}`]);
}
