import { AppError } from "../../../../contract/errors.ts";
import { bounded } from "../jinja/bounded.ts";
import type { Expression } from "../jinja/ast.ts";
import { createJinja, returnValue, type Scope, scopeOf, type Watch } from "../jinja/evaluate.ts";
import { parseTemplate } from "../jinja/parser.ts";
import { isFunction, isObject, textOf, type Value } from "../jinja/values.ts";
import type { Findings } from "../findings.ts";
import type { DbtProject, Dict } from "../project/read_project.ts";
import { adapterFunctions } from "./adapter.ts";
import { builtinNames } from "./builtins.ts";
import { docTexts, loadMacros } from "./macro_files.ts";
import { queryFunctions } from "./query_values.ts";
import { starMacro } from "../macros/utils_macros.ts";
import { relation, relationFunctions } from "./relations.ts";
import { withStars } from "./stars.ts";
import { emptyState, MARKS, type Queries, type Rendered, type Rendering, type Tables } from "./rendering.ts";

/** Renders templates of dbt as SQL that is to run in DuckDB without dbt. */
export interface Context {
  /** Throws `invalid`, with the line in front, for what does not work. */
  render(rendering: Rendering): Rendered;
  /** A text of YAML that may have a template in it. */
  renderText(text: string, file: string): string;
  /** An expression of a template. */
  evaluate(expression: string, file: string): Value;
  /** A description; as it is written where its template does not work. */
  describe(text: string): string;
  /** A generic test's SQL: its macro with these arguments. Undefined where there is no such macro. */
  renderTest(name: string, args: ReadonlyMap<string, Value>, rendering: Rendering): Rendered | undefined;
}

export interface ContextWork {
  readonly project: DbtProject;
  readonly tables: Tables;
  readonly queries: Queries;
  /** Told of what a text that could not be rendered asks the database for. */
  readonly onQueries: (sql: ReadonlySet<string>) => void;
  readonly vars: Dict;
  readonly findings: Findings;
  /** Milliseconds since 1970: when the import runs. */
  readonly now: number;
}

/** Files of macros that cannot be read are findings. */
export function createContext(
  { project, tables, queries, onQueries, vars, findings, now }: ContextWork,
): Context {
  const jinja = createJinja();
  const root = scopeOf(undefined);
  const state = emptyState();
  const relations = relationFunctions(tables, state);
  const { adapter, loadRelation } = adapterFunctions({ project, root, tables, state, relations, findings });
  const { ref, source } = relations;
  const asking = queryFunctions({ queries, state, findings });
  const names: Readonly<Record<string, Value>> = {
    ...builtinNames({
      project,
      vars,
      state,
      findings,
      docs: docTexts(project),
      now,
      renderText: (text) => jinja.inner(parseTemplate(text), scopeOf(root), { instead: runStartText }),
    }),
    ref,
    source,
    adapter,
    return: returnValue,
    load_relation: loadRelation,
    ...asking.names,
  };
  const builtins = new Map<Value, Value>(
    ["ref", "source", "config", "var"].map((name) => [name, names[name]]),
  );
  const set = (entries: Readonly<Record<string, Value>>) => {
    for (const [name, value] of Object.entries(entries)) root.names.set(name, value);
  };
  set({ ...names, builtins });
  // A project may have its own `ref`.
  const macros = loadMacros(project, jinja, root, findings, {
    ...asking.utils,
    star: starMacro((of) => tables.columns(of.replace(/^main\./, ""))?.map(({ name }) => name)),
  });

  const within = (rendering: Rendering, work: (scope: Scope) => string): Rendered => {
    const outer = { ...state };
    Object.assign(state, emptyState(), { current: rendering });
    const { name, settings } = rendering;
    const self = rendering.isIncremental ? MARKS.self : name;
    set({
      this: relation(self, { schema: "main", identifier: name }),
      model: modelValue(name, settings, rendering.isBatch === true),
    });
    try {
      jinja.start();
      const text = bounded(() => work(scopeOf(macros.scopeOf(rendering.package ?? project.root.name))));
      const sql = withStars(text, () =>
        findings.hand(
          rendering.file,
          "dbt_utils.star() stands in a query of several tables, and the columns of its own are not known: write them out",
        ));
      const config = Object.fromEntries([...state.config].map(([key, value]) => [key, plain(value)]));
      const { sources, references, batched } = state;
      return { sql, config, sources, references, batched };
    } catch (error) {
      onQueries(state.queries);
      // What is switched off need not work.
      if (!(error instanceof AppError) || state.config.get("enabled") !== false) throw error;
      const nothing: ReadonlySet<string> = new Set();
      return { sql: "", config: { enabled: false }, sources: nothing, references: nothing, batched: nothing };
    } finally {
      Object.assign(state, outer);
    }
  };
  const asText = (text: string, file: string): Rendering => ({
    file,
    text,
    name: "",
    settings: {},
    isIncremental: false,
    taken: () => false,
  });
  return {
    render: (rendering) =>
      within(rendering, (scope) => jinja.render(parseTemplate(rendering.text), scope, watchOf(rendering))),
    renderText: (text, file) =>
      /\{[{%]/.test(text)
        ? within(asText(text, file), (scope) => jinja.render(parseTemplate(text), scope)).sql
        : text,
    evaluate(expression, file) {
      let value: Value;
      within(asText(expression, file), (scope) => {
        const [node] = parseTemplate(`{{ ${expression} }}`);
        if (node?.kind === "output") value = jinja.evaluate(node.value, scope);
        return "";
      });
      return value;
    },
    describe(text) {
      try {
        return this.renderText(text, "");
      } catch {
        return text;
      }
    },
    renderTest: (name, args, rendering) => {
      const test = macros.tests.get(name);
      return test === undefined ? undefined : within(rendering, () => textOf(test([], args)));
    },
  };
}

/** The window of a batch, as a model asks for it. */
const BATCH: Value = new Map<Value, Value>([
  ["event_time_start", "getvariable('window_start')"],
  ["event_time_end", "getvariable('window_end')"],
]);

const modelValue = (name: string, settings: Dict, isBatch: boolean): Value =>
  new Map<Value, Value>([
    ...(isBatch ? [["batch", BATCH] as const] : []),
    ["name", name],
    ["alias", name],
    ["unique_id", `model.${name}`],
    ["resource_type", "model"],
    ["tags", []],
    [
      "config",
      new Map<Value, Value>([["materialized", textOf(String(settings["materialized"] ?? "view"))]]),
    ],
  ]);

/**
 * The run's own time in a text, as `{{ run_started_at.strftime('%Y') }}`: it is asked when the model runs, and not now.
 * Undefined for any other output.
 */
function runStartText(expression: Expression): string | undefined {
  const [open, close] = MARKS.runStart;
  const isTime = (of: Expression): boolean =>
    of.kind === "name" && of.name === "run_started_at" ||
    of.kind === "call" && of.callee.kind === "attribute" && of.callee.name === "astimezone" &&
      isTime(of.callee.of);
  if (isTime(expression)) return `${open}${close}`;
  if (expression.kind !== "call" || expression.callee.kind !== "attribute") return undefined;
  const [format] = expression.args.positional;
  const isFormatted = expression.callee.name === "strftime" && isTime(expression.callee.of);
  return isFormatted && format?.value.kind === "literal" ? `${open}${format.value.value}${close}` : undefined;
}

const watchOf = ({ isIncremental }: Rendering): Watch => ({
  instead: runStartText,
  output: (expression, value) => {
    const isVariable = expression.kind === "call" && expression.callee.kind === "name" &&
      expression.callee.name === "var";
    const [name] = isVariable ? expression.args.positional : [];
    if (name?.value.kind !== "literal" || typeof value === "object") return undefined;
    const [open, middle, close] = MARKS.variable;
    return `${open}${name.value.value}${middle}${textOf(value)}${close}`;
  },
  branch: (test, body, hasOthers) => {
    const isPlain = isIncremental && !hasOthers && test.kind === "call" && test.callee.kind === "name" &&
      test.callee.name === "is_incremental";
    return isPlain ? `${MARKS.branch[0]}${body}${MARKS.branch[1]}` : body;
  },
});

function plain(value: Value): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [textOf(key), plain(item)]));
  }
  return isObject(value) || isFunction(value) ? textOf(value) : value;
}
