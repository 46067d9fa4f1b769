import type { PromotedWarehouse } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { StepManifest } from "../../../contract/runs/manifest.ts";
import { quoteIdentifier, SqlError, type SqlRow, type SqlSession } from "../../../contract/sql.ts";
import type { ModelDefinition } from "../../../sql/build/model_change.ts";
import type { AttachedDatabase } from "../../duckdb/attach/attached.ts";

/** What the catalogue of the environment's warehouse is called in a session: no pipeline has such a name. */
export const ENVIRONMENT_CATALOGUE = "_sluice_environment";

/** What a database is opened with to read it. */
export const attachedOf = ({ path, key }: PromotedWarehouse): AttachedDatabase => ({
  name: ENVIRONMENT_CATALOGUE,
  path,
  ...(key === undefined ? {} : { key }),
});

const SCHEMA = `${quoteIdentifier(ENVIRONMENT_CATALOGUE)}._sluice`;

/** The steps that built what is there: a ledger goes back for months. */
const OF_MODELS = `WHERE (run_id, lower(step)) IN (SELECT (run_id, 'model:' || model) FROM ${SCHEMA}.models)`;

/** Quoted. */
export const tableThere = (model: string): string =>
  `${quoteIdentifier(ENVIRONMENT_CATALOGUE)}.main.${quoteIdentifier(model)}`;

/** A model as a run of the environment has built it last. */
export interface BuiltThere {
  readonly definition: ModelDefinition;
  readonly run: string;
  readonly manifest: StepManifest;
  /** The rows that the step told of. */
  readonly rows: number | null;
}

/** By the models' names as nameKey has them; those that no run has built since the warehouse was begun are not there. */
export async function builtThere(session: SqlSession): Promise<ReadonlyMap<string, BuiltThere>> {
  const models = new Map<string, { readonly definition: string; readonly run: string }>();
  const steps = new Map<string, string>();
  const stepKey = (run: unknown, step: string) => `${run} ${step.toLowerCase()}`;
  for (
    const { model, definition, run } of await rowsThere(
      session,
      "model, definition, run_id AS run FROM",
      "models",
    )
  ) {
    models.set(String(model), { definition: String(definition), run: String(run) });
  }
  for (
    const { step, run, result } of await rowsThere(
      session,
      "step, run_id AS run, result FROM",
      "steps",
      OF_MODELS,
    )
  ) {
    steps.set(stepKey(run, String(step)), String(result));
  }
  // What a killed run has noted is not where the others are, see steps/journal.ts: the file is only read here.
  const noted = await rowsThere(session, "kind, name, run_id AS run, value, rowid FROM", "journal");
  for (const { kind, name, run, value } of noted.sort((a, b) => Number(a["rowid"]) - Number(b["rowid"]))) {
    if (kind === "model") models.set(String(name), { definition: String(value), run: String(run) });
    if (kind === "step") steps.set(stepKey(run, String(name)), String(value));
  }
  return new Map([...models].flatMap(([model, { definition, run }]) => {
    const result = steps.get(stepKey(run, `model:${model}`));
    if (result === undefined) return [];
    const { manifest, rows }: Pick<Step, "manifest" | "rows"> = JSON.parse(result);
    if (manifest === undefined) return [];
    return [[model, { definition: JSON.parse(definition), run, manifest, rows }]];
  }));
}

/** None where the file has no such table: no run has been at it, or an older version has. */
async function rowsThere(session: SqlSession, what: string, table: string, where = ""): Promise<SqlRow[]> {
  try {
    return await session.rows(`SELECT ${what} ${SCHEMA}.${table} ${where}`);
  } catch (error) {
    if (error instanceof SqlError && error.type === "Catalog") return [];
    throw error;
  }
}
