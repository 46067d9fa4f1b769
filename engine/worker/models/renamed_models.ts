import { AppError } from "../../../contract/errors.ts";
import { nameKey, quoteIdentifier, type SqlSession } from "../../../contract/sql.ts";
import { formatFault } from "../../../text/fault.ts";
import { relationKind } from "../../../sql/build/materialize.ts";
import { gathersRows, type ModelDefinition } from "../../../sql/build/model_change.ts";
import { countRows } from "../../../sql/build/run_model_sql.ts";
import { headerPlace, type Model, modelTable } from "../../../sql/language/model.ts";
import { forgetBuiltModel, readBuiltModel, writeBuiltModel } from "../../warehouse/models/built_models.ts";

/**
 * Gives a model with `renamed_from` the table that it had under its old name, where it has none under
 * the new one. Called in the transaction that builds it. Returns what the log says of it.
 */
export async function takeOverTable(session: SqlSession, model: Model): Promise<string | undefined> {
  const old = model.renamedFrom;
  if (old === undefined || await relationKind(session, model.name) !== undefined) return undefined;
  if (await relationKind(session, old) !== "table") return undefined;
  await session.run(`ALTER TABLE ${modelTable(old)} RENAME TO ${quoteIdentifier(model.name)}`);
  const before = await readBuiltModel(session, old);
  await forgetBuiltModel(session, old);
  if (before !== undefined) await writeBuiltModel(session, model.name, before, "");
  return `Took over the table of ${old}, as renamed_from says`;
}

/** A table or view that no model of the pipeline makes any more. */
export interface LeftTable {
  readonly name: string;
  readonly definition: ModelDefinition;
}

/**
 * What earlier models left, those aside that a renamed one takes over, or that are switched off: their tables stay
 * as they are.
 */
export function leftTables(
  built: ReadonlyMap<string, ModelDefinition>,
  models: readonly Model[],
  disabled: Iterable<string>,
): LeftTable[] {
  const names = [...disabled, ...models.flatMap(({ name, renamedFrom }) => [name, renamedFrom ?? name])];
  const known = new Set(names.map(nameKey));
  return [...built].filter(([name]) => !known.has(nameKey(name)))
    .map(([name, definition]) => ({ name, definition }));
}

/**
 * Throws invalid where a new incremental model is an old one under another name: it would begin from
 * nothing, and the gathered rows stay behind.
 */
export async function requireNoRename(
  session: SqlSession,
  model: Model,
  { left, definitions }: {
    readonly left: readonly LeftTable[];
    readonly definitions: { of(model: Model): ModelDefinition };
  },
): Promise<void> {
  if (!gathersRows(model) || model.onChange !== "fail") return;
  if (await relationKind(session, model.name) !== undefined) return;
  const { sql, primaryKey } = definitions.of(model);
  const twin = left.find(({ definition }) =>
    definition.materialized === model.materialized && definition.sql === sql &&
    definition.primaryKey.join() === primaryKey.join()
  );
  if (twin === undefined) return;
  const message =
    `${model.name} is the model ${twin.name} under another name, whose table has gathered rows: ` +
    `write \`renamed_from: ${twin.name}\` into its header to take them along, or begin anew with ` +
    `--select ${model.name} --full-refresh`;
  const fault = { ...headerPlace(model, []), message, severity: "error" } as const;
  throw new AppError("invalid", `Cannot build the model ${model.name}: ${formatFault(fault)}`, {
    faults: [fault],
  });
}

/**
 * Drops what can be made again from its old file. Gathered rows cannot, so incremental tables stay until a
 * full refresh. Returns what the log says, with its level.
 */
export async function dropLeftTables(
  session: SqlSession,
  left: readonly LeftTable[],
  isFullRefresh: boolean,
): Promise<{ readonly level: "info" | "warn"; readonly message: string }[]> {
  const lines: { level: "info" | "warn"; message: string }[] = [];
  for (const { name, definition } of left) {
    const kind = await relationKind(session, name);
    if (kind === "table" && gathersRows(definition) && !isFullRefresh) {
      const rows = await countRows(session, modelTable(name));
      const message = `main.${name} keeps ${rows} gathered rows, but no model makes it any more: ` +
        `\`renamed_from: ${name}\` gives them to another model, a run with --full-refresh drops them`;
      lines.push({ level: "warn", message });
      continue;
    }
    if (kind !== undefined) {
      await session.run(`DROP ${kind.toUpperCase()} ${modelTable(name)}`);
      lines.push({ level: "info", message: `Dropped the ${kind} main.${name}: no model makes it any more` });
    }
    await forgetBuiltModel(session, name);
  }
  return lines;
}
