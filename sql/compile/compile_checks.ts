import type { Fault } from "../../text/fault.ts";
import { type Column, findColumn, quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { ImpossibleCasts } from "./impossible_casts.ts";
import { checkPlace } from "../language/check_place.ts";
import { type Check, checksOf } from "../language/checks.ts";
import { explainSqlError } from "../language/explain_error.ts";
import { checkStep, type Graph, type GraphAnalysis } from "../language/graph.ts";
import { type Model, modelTable } from "../language/model.ts";
import { parseSelect } from "../language/parse_tree.ts";
import { parseTableName, resolveTable, tableNames } from "../language/resolve_table.ts";

/** Columns by node, as `model:daily`, of what has been bound. */
export type BoundColumns = ReadonlyMap<string, readonly Column[]>;

/** Checks are bound together, this many a query: a round trip costs more than a check. */
const CHECKS_PER_QUERY = 25;

/** Binds each check of the models; those that read tables that are not bound wait for the first run. */
export async function bindChecks(
  session: SqlSession,
  models: readonly Model[],
  { graph, refusedChecks }: Pick<GraphAnalysis, "graph" | "refusedChecks">,
  bound: BoundColumns,
  onBind: (models: readonly Model[]) => Disposable,
  casts: ImpossibleCasts,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const all = models.flatMap((model) =>
    checksOf(model).map((check): BoundCheck => ({ model, check })).filter((check) =>
      needsBinding(check, bound) && !refusedChecks.has(checkStep(check.check))
    )
  );
  const alone = all.filter(({ check }) => !canBindTogether(check));
  const together = all.filter(({ check }) => canBindTogether(check));
  for (let start = 0; start < together.length; start += CHECKS_PER_QUERY) {
    const batch = together.slice(start, start + CHECKS_PER_QUERY);
    using _binding = onBind([...new Set(batch.map(({ model }) => model))]);
    if (!await bindsTogether(session, batch, casts)) alone.push(...batch);
  }
  for (const { model, check } of alone) {
    using _binding = onBind([model]);
    const found = await faultOf(session, model, check, graph, bound) ??
      await castFault(casts, check, bound, graph);
    if (found === undefined) continue;
    const { message, position } = typeof found === "string" ? { message: found, position: undefined } : found;
    faults.push({ ...checkPlace(model, check, position), message, severity: "error" });
  }
  return faults;
}

interface BoundCheck {
  readonly model: Model;
  readonly check: Check;
}

/** For many their column is enough, and the header's check has looked for it. */
function needsBinding({ model, check }: BoundCheck, bound: BoundColumns): boolean {
  if (check.kind === "not_null" || check.kind === "unique") return false;
  if (check.kind !== "accepted_values") return true;
  const column = findColumn(bound.get(`model:${model.name}`) ?? [], check.column ?? "");
  return column !== undefined && column.type !== "VARCHAR";
}

/** Values are tried and the text of queries is parsed, which binding alone does not do. */
function canBindTogether(check: Check): boolean {
  return check.kind === "sql" || check.kind === "relationships";
}

/** Whether nothing is wrong with any of them; where something is, the caller has to find out what. */
async function bindsTogether(
  session: SqlSession,
  checks: readonly BoundCheck[],
  casts: ImpossibleCasts,
): Promise<boolean> {
  const parts = checks.map(({ model, check }, index) => {
    const definition = definitionOf(model, check);
    const select = definition?.kind === "sql"
      ? `SELECT (\n${definition.sql}\n) AS e FROM ${modelTable(model.name)} WHERE NOT (\n${definition.sql}\n)`
      : `SELECT true AS e FROM (\n${check.sql}\n)`;
    return { name: `_sluice_check_${index}`, select };
  });
  // As subqueries they could name the columns of each other.
  const tables = parts.map(({ name, select }) => `${name} AS (${select})`).join(", ");
  const list = parts.map(({ name }) => `${name}.e`).join(", ");
  try {
    // The join that DuckDB plans in the least time.
    const from = parts.map(({ name }) => name).join(" POSITIONAL JOIN ");
    const sql = `WITH ${tables} SELECT ${list} FROM ${from}`;
    const columns = await session.describe(sql);
    const isRight = columns.length === parts.length && columns.every(({ type }) => type === "BOOLEAN");
    return isRight && (await casts.find(sql)).every(({ isConditional }) => isConditional);
  } catch (error) {
    if (error instanceof SqlError && error.code !== "cancelled" && error.code !== "timeout") return false;
    throw error;
  }
}

/** Of a check that binds: the cast in it that cannot work. */
async function castFault(
  casts: ImpossibleCasts,
  check: Check,
  bound: BoundColumns,
  graph: Graph,
): Promise<CheckFault | undefined> {
  const reads = graph.checkDepends.get(checkStep(check)) ?? [];
  if (!reads.every((node) => bound.has(node))) return undefined;
  const cast = (await casts.find(check.sql)).find(({ isConditional }) => !isConditional);
  return cast && { message: `${check.label}: ${cast.message}`, position: cast.position };
}

interface CheckFault {
  readonly message: string;
  /** In the check's SQL. */
  readonly position: number | undefined;
}

async function faultOf(
  session: SqlSession,
  model: Model,
  check: Check,
  graph: Graph,
  bound: BoundColumns,
): Promise<string | CheckFault | undefined> {
  const columns = bound.get(`model:${model.name}`) ?? [];
  // The check of the header's columns has reported that already.
  if (check.column !== undefined && findColumn(columns, check.column) === undefined) return undefined;
  const target = check.kind === "relationships" ? relationshipFault(model, check, graph, bound) : undefined;
  if (target !== undefined) return target;
  const reads = graph.checkDepends.get(checkStep(check)) ?? [];
  if (!reads.every((node) => bound.has(node))) return undefined;
  const whole = "SELECT * FROM (\n";
  let prefix = 0;
  try {
    if (check.kind === "accepted_values") return await valuesFault(session, model, check, columns);
    if (check.kind === "sql") {
      prefix = "SELECT (\n".length - check.sql.indexOf("(\n") - 2;
      return await expressionFault(session, model, check);
    }
    if (check.kind === "query") {
      await parseSelect(session, model.checks[Number(check.headerPath[1])]?.sql ?? "");
    }
    prefix = whole.length;
    await session.describe(`${whole}${check.sql}\n)`);
  } catch (error) {
    if (!(error instanceof SqlError) || error.code === "cancelled" || error.code === "timeout") throw error;
    const position = error.position === undefined ? undefined : error.position - prefix;
    return { message: `${check.label}: ${explainSqlError(error)}`, position };
  }
}

/** DuckDB turns the values into the column's type when it runs: one that is none would fail then. */
async function valuesFault(
  session: SqlSession,
  model: Model,
  check: Check,
  columns: readonly Column[],
): Promise<string | undefined> {
  const definition = definitionOf(model, check);
  const column = findColumn(columns, check.column ?? "");
  if (definition?.kind !== "accepted_values" || column === undefined) return undefined;
  const casts = definition.values.map((value, index) =>
    `TRY_CAST(${quoteLiteral(String(value))} AS ${column.type}) IS NULL AS v${index}`
  );
  const [row] = await session.rows(`SELECT ${casts.join(", ")}`);
  const wrong = definition.values.filter((_, index) => row?.[`v${index}`] === true);
  if (wrong.length > 0) return `${check.label}: ${wrong.join(", ")} cannot be a value of type ${column.type}`;
  await session.describe(check.sql);
}

async function expressionFault(session: SqlSession, model: Model, check: Check): Promise<string | undefined> {
  const definition = definitionOf(model, check);
  if (definition?.kind !== "sql") return undefined;
  const [column] = await session.describe(`SELECT (\n${definition.sql}\n) FROM ${modelTable(model.name)}`);
  if (column !== undefined && column.type !== "BOOLEAN") {
    return `${check.label}: expected an expression that is true or false, but it is ${column.type}`;
  }
  await session.describe(check.sql);
}

function relationshipFault(
  model: Model,
  check: Check,
  graph: Graph,
  bound: BoundColumns,
): string | undefined {
  const definition = definitionOf(model, check);
  if (definition?.kind !== "relationships") return undefined;
  const nodesOf = (kind: string) => [...graph.nodes.values()].filter((node) => node.kind === kind);
  const streams = nodesOf("extract").map(({ label, tables = [] }) => ({ name: label, tables }));
  const names = tableNames(nodesOf("model").map((node) => node.label), streams, graph.disabled);
  const target = resolveTable(parseTableName(definition.to), names);
  if (!("node" in target)) return `${check.label}: ${"message" in target ? target.message : "not a table"}`;
  const columns = bound.get(target.table);
  if (columns === undefined || findColumn(columns, definition.column) !== undefined) return undefined;
  const hint = didYouMean(definition.column, columns.map((column) => column.name));
  return `${check.label}: ${definition.to} has no column ${definition.column}${hint}`;
}

function definitionOf(model: Model, check: Check) {
  const [, , , index] = check.headerPath;
  return model.columns[check.column ?? ""]?.checks[Number(index)];
}
