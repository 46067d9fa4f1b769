import type { DefinitionFault } from "../../contract/jobs/check_job.ts";
import { type Column, findColumn, quoteLiteral, SqlError, type SqlSession } from "../../contract/sql.ts";
import type { Fault } from "../../text/fault.ts";
import type { Memo } from "../../text/memo.ts";
import { didYouMean } from "../../text/suggest.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import type { ImpossibleExpressions } from "./impossible_expressions.ts";
import { type Check, checkStep, namedColumns, relationOf } from "../language/checks/check.ts";
import { checkFault, faultAtPath } from "../language/checks/check_place.ts";
import type { Fragment } from "../language/checks/check_sql.ts";
import { explainSqlError } from "../language/explain_error.ts";
import type { Graph } from "../language/graph.ts";
import type { GraphAnalysis } from "../language/graph/analyze_graph.ts";
import type { Model } from "../language/model.ts";
import { parseSelect } from "../language/parse_tree.ts";
import { parseTableName, resolveTable, tableNames } from "../language/resolve_table.ts";

/** Columns by node, as `model:daily`, of what has been bound. */
export type BoundColumns = ReadonlyMap<string, readonly Column[]>;

/** A check with the model that has it; a stream's has none. */
export interface OwnedCheck {
  readonly check: Check;
  readonly model?: Model | undefined;
}

/** Checks are bound together, this many a query: a round trip costs more than a check. */
const CHECKS_PER_QUERY = 25;

/**
 * Binds each check; those that read tables that are not bound wait for the first run. What `right` knows to be right is not
 * bound again.
 */
export async function bindChecks(
  session: SqlSession,
  checks: readonly OwnedCheck[],
  { graph, refusedChecks }: Pick<GraphAnalysis, "graph" | "refusedChecks">,
  bound: BoundColumns,
  { onBind, prepare }: {
    readonly onBind: (models: readonly Model[]) => Disposable;
    /** Makes the macros that a step calls; false where that cannot be, which is told. */
    readonly prepare: (step: string) => Promise<boolean>;
  },
  casts: ImpossibleExpressions,
  right?: Memo<true>,
): Promise<(Fault | DefinitionFault)[]> {
  const binder = new CheckBinder(session, graph, bound, casts);
  const faults: (Fault | DefinitionFault)[] = [];
  const open: OwnedCheck[] = [];
  const madeOf = ({ check, model }: OwnedCheck) => [
    model ?? JSON.stringify(check),
    refusedChecks.has(checkStep(check)),
    ...graph.macros.get(checkStep(check)) ?? [],
    bound.get(check.node),
    ...(graph.checkDepends.get(checkStep(check)) ?? []).flatMap((node) => [node, bound.get(node)]),
  ];
  const wrong = new Set<OwnedCheck>();
  const fresh = checks.filter((owned) => right?.recall(checkStep(owned.check), madeOf(owned)) === undefined);
  for (const owned of fresh) {
    const missing = binder.missingColumns(owned.check);
    faults.push(...missing.map(({ path, message }) => faultAtPath(owned.check, owned.model, path, message)));
    if (missing.length > 0) wrong.add(owned);
    const isOpen = missing.length === 0 && binder.hasItsColumn(owned.check);
    if (isOpen && binder.needsBinding(owned.check) && !refusedChecks.has(checkStep(owned.check))) {
      const step = checkStep(owned.check);
      const canBePrepared = (graph.checkDepends.get(step) ?? []).every((node) => bound.has(node));
      if (!canBePrepared || await prepare(step)) open.push(owned);
      else wrong.add(owned);
    }
  }
  const alone = open.filter(({ check }) => !binder.canBindTogether(check));
  const together = open.filter(({ check }) => binder.canBindTogether(check));
  for (let start = 0; start < together.length; start += CHECKS_PER_QUERY) {
    const batch = together.slice(start, start + CHECKS_PER_QUERY);
    using _binding = onBind(modelsOf(batch));
    if (!await binder.bindsTogether(batch.map(({ check }) => check))) alone.push(...batch);
  }
  for (const owned of alone) {
    using _binding = onBind(modelsOf([owned]));
    const found = await binder.faultOf(owned.check);
    if (found === undefined) continue;
    const { check, model } = owned;
    wrong.add(owned);
    faults.push(checkFault(check, model, `${check.label}: ${found.message}`, found.position));
  }
  for (const owned of fresh) {
    if (!wrong.has(owned)) right?.keep(checkStep(owned.check), madeOf(owned), true);
  }
  return faults;
}

const modelsOf = (checks: readonly OwnedCheck[]): Model[] => [
  ...new Set(checks.flatMap(({ model }) => model === undefined ? [] : [model])),
];

interface CheckFault {
  readonly message: string;
  /** In the check's SQL. */
  readonly position?: number | undefined;
}

class CheckBinder {
  readonly #session: SqlSession;
  readonly #graph: Graph;
  readonly #bound: BoundColumns;
  readonly #casts: ImpossibleExpressions;

  constructor(session: SqlSession, graph: Graph, bound: BoundColumns, casts: ImpossibleExpressions) {
    this.#session = session;
    this.#graph = graph;
    this.#bound = bound;
    this.#casts = casts;
  }

  /** Columns that the check names by themselves, which its table has not. */
  missingColumns(check: Check): { readonly path: DocumentPath; readonly message: string }[] {
    const columns = this.#bound.get(check.node);
    if (columns === undefined) return [];
    return namedColumns(check).flatMap(({ column, path }) => {
      if (findColumn(columns, column) !== undefined) return [];
      const hint = didYouMean(column, columns.map(({ name }) => name));
      return [{ path, message: `${check.table} has no column ${column}${hint}` }];
    });
  }

  /** False for a column that the header's own check has reported. */
  hasItsColumn({ node, column }: Check): boolean {
    return column === undefined || findColumn(this.#bound.get(node) ?? [], column) !== undefined;
  }

  /** For many their column is enough, and somebody has looked for it. */
  needsBinding(check: Check): boolean {
    const { rule, fragments } = check;
    if (fragments.length > 0) return true;
    if (rule.kind === "not_null" || rule.kind === "unique" || rule.kind === "unique_together") return false;
    return !isOfValues(rule) || rule.kind === "range" || this.#columnOf(check)?.type !== "VARCHAR";
  }

  /** Values are tried and the text of queries is parsed, which binding alone does not do. */
  canBindTogether({ rule, fragments }: Check): boolean {
    if (rule.kind === "sql" || rule.kind === "expression") return fragments.length === 1;
    return fragments.length === 0 && ["relationships", "pattern", "length"].includes(rule.kind);
  }

  /** Whether nothing is wrong with any of them; where something is, the caller has to find out what. */
  async bindsTogether(checks: readonly Check[]): Promise<boolean> {
    const parts = checks.map(({ sql, node, fragments: [fragment] }, index) => {
      const select = fragment === undefined
        ? `SELECT true AS e FROM (\n${sql}\n)`
        : `SELECT (\n${fragment.text}\n) AS e FROM ${relationOf(node)} WHERE NOT (\n${fragment.text}\n)`;
      return { select: `t${index}.e`, from: `(${select}) AS t${index}` };
    });
    const list = parts.map(({ select }) => select).join(", ");
    try {
      // The join that DuckDB plans in the least time.
      const from = parts.map((part) => part.from).join(" POSITIONAL JOIN ");
      const sql = `SELECT ${list} FROM ${from}`;
      const columns = await this.#session.describe(sql);
      const isRight = columns.length === parts.length && columns.every(({ type }) => type === "BOOLEAN");
      return isRight && (await this.#casts.find(sql)).every(({ isConditional }) => isConditional);
    } catch (error) {
      if (isOfSql(error)) return false;
      throw error;
    }
  }

  /** What is wrong with one check. */
  async faultOf(check: Check): Promise<CheckFault | undefined> {
    const target = this.#targetFault(check);
    if (target !== undefined) return target;
    const reads = this.#graph.checkDepends.get(checkStep(check)) ?? [];
    if (!reads.every((node) => this.#bound.has(node))) return undefined;
    try {
      const fault = await this.#valuesFault(check) ?? this.#timeFault(check) ??
        await this.#conditionFault(check);
      if (fault !== undefined) return fault;
      const query = check.rule.kind === "query" ? check.fragments[0] : undefined;
      if (query !== undefined) await parseSelect(this.#session, query.text);
      await this.#session.describe(check.sql);
      const cast = (await this.#casts.find(check.sql)).find(({ isConditional }) => !isConditional);
      return cast && { message: cast.message, position: cast.position };
    } catch (error) {
      if (!isOfSql(error)) throw error;
      return { message: explainSqlError(error), position: error.position };
    }
  }

  /** DuckDB turns values into the column's type when it runs: one that is none would fail then. */
  async #valuesFault(check: Check): Promise<CheckFault | undefined> {
    const { rule } = check;
    const column = this.#columnOf(check);
    if (column === undefined || !isOfValues(rule)) return undefined;
    const written = rule.kind === "range"
      ? [rule.min, rule.max].filter((bound) => bound !== undefined)
      : rule.values;
    if (
      rule.kind === "range" && column.type === "VARCHAR" && written.some((bound) => typeof bound === "number")
    ) {
      return { message: `${column.name} is a text: write min and max in quotes, or cast the column` };
    }
    const values = rule.kind === "range" ? written.filter((bound) => typeof bound === "string") : written;
    if (values.length === 0) return undefined;
    const casts = values.map((value, index) =>
      `TRY_CAST(${quoteLiteral(String(value))} AS ${column.type}) IS NULL AS v${index}`
    );
    const [row] = await this.#session.rows(`SELECT ${casts.join(", ")}`);
    const wrong = values.filter((_, index) => row?.[`v${index}`] === true);
    return wrong.length === 0
      ? undefined
      : { message: `${wrong.join(", ")} cannot be a value of type ${column.type}` };
  }

  /** The age of a value can be told of dates and times only. */
  #timeFault(check: Check): CheckFault | undefined {
    const { rule, node } = check;
    if (rule.kind !== "recency" && rule.kind !== "freshness") return undefined;
    const name = rule.kind === "freshness" ? rule.column : check.column ?? "";
    const column = findColumn(this.#bound.get(node) ?? [], name);
    if (column === undefined || /^(?:DATE|TIMESTAMP)/.test(column.type)) return undefined;
    return { message: `expected a date or a timestamp, but ${column.name} is ${column.type}` };
  }

  /** Expressions and conditions are true or false: DuckDB takes a number for one, too. */
  async #conditionFault({ rule, node, fragments }: Check): Promise<CheckFault | undefined> {
    if (rule.kind === "query") return undefined;
    for (const fragment of fragments.filter(isCondition)) {
      const prefix = "SELECT (\n";
      try {
        const sql = `${prefix}${fragment.text}\n) FROM ${relationOf(node)}`;
        const [column] = await this.#session.describe(sql);
        if (column === undefined || column.type === "BOOLEAN") continue;
        const what = fragment.key[0] === "where" ? "where: expected a condition" : "expected an expression";
        return {
          message: `${what} that is true or false, but it is ${column.type}`,
          position: fragment.start,
        };
      } catch (error) {
        if (!isOfSql(error)) throw error;
        const { position } = error;
        return {
          message: explainSqlError(error),
          position: position === undefined ? undefined : position - prefix.length + fragment.start,
        };
      }
    }
  }

  /** A table that it names beside its own, and the column there. */
  #targetFault({ rule }: Check): CheckFault | undefined {
    const named = rule.kind === "relationships"
      ? { to: rule.to, column: rule.column }
      : rule.kind === "row_count" && rule.equalTo !== undefined
      ? { to: rule.equalTo, column: undefined }
      : undefined;
    if (named === undefined) return undefined;
    const nodesOf = (kind: string) => [...this.#graph.nodes.values()].filter((node) => node.kind === kind);
    const streams = nodesOf("extract").map(({ label, tables = [] }) => ({ name: label, tables }));
    const names = tableNames(nodesOf("model").map((node) => node.label), streams, this.#graph.disabled);
    const target = resolveTable(parseTableName(named.to), names);
    if (!("node" in target)) return { message: "message" in target ? target.message : "not a table" };
    const columns = this.#bound.get(target.table);
    if (columns === undefined || named.column === undefined) return undefined;
    if (findColumn(columns, named.column) !== undefined) return undefined;
    const hint = didYouMean(named.column, columns.map((column) => column.name));
    return { message: `${named.to} has no column ${named.column}${hint}` };
  }

  #columnOf({ node, column }: Check): Column | undefined {
    return findColumn(this.#bound.get(node) ?? [], column ?? "");
  }
}

type RuleOfValues = Extract<
  Check["rule"],
  { readonly kind: "accepted_values" | "not_accepted_values" | "range" }
>;

const isOfValues = (rule: Check["rule"]): rule is RuleOfValues =>
  rule.kind === "accepted_values" || rule.kind === "not_accepted_values" || rule.kind === "range";

const isCondition = ({ key: [key] }: Fragment): boolean =>
  key === "where" || key === "expression" || key === "sql";

const isOfSql = (error: unknown): error is SqlError =>
  error instanceof SqlError && error.code !== "cancelled" && error.code !== "timeout";
