import { AppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { TableFacts } from "../../../contract/runs/manifest.ts";
import { nameKey } from "../../../contract/sql.ts";
import { isByWindow } from "../../../sql/build/batches.ts";
import { relationKind } from "../../../sql/build/materialize.ts";
import {
  gathersRows,
  isComputedByReaders,
  isSameDefinition,
  wayToBuild,
} from "../../../sql/build/model_change.ts";
import { checkedNode } from "../../../sql/language/checks/check.ts";
import { downstreamOf, type Graph } from "../../../sql/language/graph.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { outputOf, stepOf } from "../../warehouse/models/built_models.ts";
import { tableFacts } from "../../warehouse/models/table_facts.ts";
import type { EarlierRuns } from "../models/earlier_runs.ts";
import { programVersions } from "../models/input_facts.ts";
import { requireNoRename } from "../models/renamed_models.ts";
import type { Plan, PlannedModel } from "../plan.ts";
import { type BuiltThere, builtThere, tableThere } from "./built_there.ts";
import { readsWindow, variesBecause, varyingFunctions } from "./varying_sql.ts";

/** What a promotion does with a model that has changed since production built it, or that reads such a one. */
export type Decision =
  & { readonly planned: PlannedModel }
  & (
    | {
      readonly outcome: "taken";
      /** Undefined for a view, which is made anew: it has no rows. */
      readonly from: BuiltThere | undefined;
      readonly rows: number | null;
    }
    | { readonly outcome: "built"; readonly reason: string }
  );

export interface DecideOptions {
  readonly job: Pick<RunJob, "definition"> & { readonly environment: string };
  readonly plan: Plan;
  readonly graph: Graph;
  readonly earlier: EarlierRuns;
}

/**
 * Says of each model whose rows would be others in production's next run whether the environment's table is what that run would
 * build: the same recipe, values of variables and versions, from tables with the same rows, and nothing in it that varies from
 * one run to the next. In the order of building; those that stay as they are have none. Nothing is changed.
 */
export async function decide(session: DuckSession, options: DecideOptions): Promise<readonly Decision[]> {
  const decisions = await new Promotion(session, options).decide();
  return withoutUncheckable(decisions, options);
}

class Promotion {
  readonly #session: DuckSession;
  readonly #options: DecideOptions;
  /** Models of which the next run makes other rows, by node. */
  readonly #decided = new Map<string, Decision>();

  constructor(session: DuckSession, options: DecideOptions) {
    this.#session = session;
    this.#options = options;
  }

  async decide(): Promise<Decision[]> {
    const there = await builtThere(this.#session);
    const varying = await varyingFunctions(this.#session);
    for (const planned of this.#options.plan.steps) {
      if (planned.kind !== "model") continue;
      const node = planned.step.name;
      const above = this.#above(node);
      if (above.length === 0 && !await this.#isChanged(planned)) continue;
      const open = above.find(({ outcome }) => outcome === "built");
      const decision: Decision = open !== undefined
        ? { planned, outcome: "built", reason: `it reads ${open.planned.model.name}, which is built` }
        : isComputedByReaders(planned.model)
        ? { planned, outcome: "taken", from: undefined, rows: null }
        : await this.#table(planned, there.get(nameKey(planned.model.name)), varying);
      this.#decided.set(node, decision);
    }
    return [...this.#decided.values()];
  }

  /** What has been decided of the models that it reads. */
  #above(node: string): Decision[] {
    return (this.#options.graph.nodes.get(node)?.depends ?? []).flatMap((other) =>
      this.#decided.get(other) ?? []
    );
  }

  /** Since production built it; one of which less is known than now is compared by what is known. */
  async #isChanged({ model }: PlannedModel): Promise<boolean> {
    const { earlier } = this.#options;
    const built = earlier.built.get(nameKey(model.name));
    if (built === undefined || !isSameDefinition(built, await earlier.definitions.of(model))) return true;
    const hasTable = model.materialized !== "ephemeral";
    if (hasTable && await relationKind(this.#session, model.name) === undefined) return true;
    const last = (await stepOf(this.#session, model.name))?.manifest;
    if (last?.recipe === undefined) return false;
    const now = await earlier.recipes.of(model);
    return last.recipe !== now.recipe || otherVariable(last.variables, now.variables) !== undefined ||
      await this.#isBehind(last.inputs ?? []);
  }

  /** Whether a model that it was built from has other rows since: an earlier promotion may have taken that alone. */
  async #isBehind(inputs: readonly TableFacts[]): Promise<boolean> {
    for (const { table, hash } of inputs) {
      if (hash === null || !table.startsWith("main.")) continue;
      const now = await outputOf(this.#session, table.slice("main.".length));
      if (now !== undefined && now.hash !== null && now.hash !== hash) return true;
    }
    return false;
  }

  async #table(
    planned: PlannedModel,
    from: BuiltThere | undefined,
    varying: ReadonlySet<string>,
  ): Promise<Decision> {
    const reason = await this.#reasonToBuild(planned, from, varying);
    if (reason !== undefined || from?.manifest.output === undefined) {
      return { planned, outcome: "built", reason: reason ?? "nothing is known of it" };
    }
    const { output } = from.manifest;
    this.#options.earlier.inputs.knows(planned.step.name, output);
    return { planned, outcome: "taken", from, rows: output.rows };
  }

  async #reasonToBuild(
    { model }: PlannedModel,
    from: BuiltThere | undefined,
    varying: ReadonlySet<string>,
  ): Promise<string | undefined> {
    const { job: { environment, definition }, earlier } = this.#options;
    if (model.materialized === "scd2") return "it is a history: production's own versions go on";
    if (from === undefined) return `${environment} has not built it`;
    const { manifest } = from;
    const { recipe, variables } = await earlier.recipes.of(model);
    const versions = programVersions();
    if (manifest.sluice !== versions.sluice || manifest.duckdb !== versions.duckdb) {
      return `${environment} has built it by Sluice ${manifest.sluice} with DuckDB ${manifest.duckdb}, ` +
        `this is ${versions.sluice} with ${versions.duckdb}`;
    }
    if (manifest.recipe !== recipe) {
      return `${environment} has built it by another SQL, header, macro or view than is in force now`;
    }
    const variable = otherVariable(manifest.variables, variables);
    if (variable !== undefined) return `${variable} has another value in ${environment}`;
    const sqls = earlier.recipes.sqlOf(model);
    const inWindow = gathersRows(model);
    const functions = Object.keys(definition.functions ?? {});
    return variesBecause(sqls, { functions, varying, inWindow }) ??
      await this.#otherInputs(model, manifest.inputs ?? []) ??
      await this.#otherWay(model, from, readsWindow(sqls) || isByWindow(model)) ??
      await this.#otherTable(model, from);
  }

  /** Tables that have not the rows that the environment has built it from. */
  async #otherInputs(
    model: PlannedModel["model"],
    then: readonly TableFacts[],
  ): Promise<string | undefined> {
    const { job: { environment }, earlier } = this.#options;
    const now = new Map((await earlier.inputs.of(this.#session, model)).map((facts) => [facts.table, facts]));
    for (const { table, hash, left_out: why } of then) {
      const own = now.get(table);
      if (own === undefined) return `production has no ${table} yet`;
      if (hash === null || own.hash === null) return `${table} cannot be compared: ${why ?? own.left_out}`;
      if (hash !== own.hash) {
        return `${table} has other rows in production than ${environment} has built it from`;
      }
      now.delete(table);
    }
    const [more] = now.keys();
    return more === undefined ? undefined : `${environment} has built it without ${more}`;
  }

  /** What keeps production from coming to that table by the way in which it builds it. */
  async #otherWay(
    model: PlannedModel["model"],
    { manifest }: BuiltThere,
    isOfWindow: boolean,
  ): Promise<string | undefined> {
    const { job: { environment }, earlier } = this.#options;
    if (model.renamedFrom !== undefined && await relationKind(this.#session, model.name) === undefined) {
      return `it takes over the table of ${model.renamedFrom}`;
    }
    const existing = await relationKind(this.#session, model.name);
    const before = earlier.built.get(nameKey(model.name));
    let isAnew = existing === undefined;
    try {
      await requireNoRename(this.#session, model, earlier);
      if (existing !== undefined) {
        const way = await wayToBuild(this.#session, model, before, await earlier.definitions.of(model));
        isAnew = way.isAnew;
      }
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "invalid") throw error;
      return "its next run stops at it, as its rows were made otherwise: see on_change";
    }
    if (!gathersRows(model)) return undefined;
    if (isOfWindow && manifest.window_given === true) {
      return `${environment} has built a window that was asked for`;
    }
    if (isAnew) {
      return manifest.before === undefined
        ? undefined
        : `production builds it anew, and ${environment} went on with rows`;
    }
    if (manifest.before === undefined) {
      return `production goes on with its rows, and ${environment} built it anew`;
    }
    const own = await earlier.inputs.before(this.#session, model);
    if (own === undefined || own.hash === null || own.hash !== manifest.before.hash) {
      return `it has other rows in production than ${environment} went on from`;
    }
    const startMs = earlier.windows.startOf(`model:${model.name}`);
    const start = startMs === null ? null : new Date(startMs).toISOString();
    return isOfWindow && start !== manifest.window_start
      ? `its window begins elsewhere in production than in ${environment}`
      : undefined;
  }

  /** The table itself is read, whatever the manifest says: nothing else is known of who was at the file. */
  async #otherTable(
    { name }: PlannedModel["model"],
    { manifest: { output } }: BuiltThere,
  ): Promise<string | undefined> {
    const { job: { environment } } = this.#options;
    const known = output?.hash ?? null;
    if (known === null) {
      return `its rows cannot be compared: ${output?.left_out ?? "nothing is known of them"}`;
    }
    const found = await tableFacts(this.#session, { relation: tableThere(name), table: `main.${name}` });
    return found?.hash === known ? undefined : `its table in ${environment} is not as its run left it`;
  }
}

/** The first name whose value differs. */
function otherVariable(
  one: Readonly<Record<string, unknown>> = {},
  other: Readonly<Record<string, unknown>> = {},
): string | undefined {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].find((name) => one[name] !== other[name]);
}

/**
 * What is taken is checked before it is committed, so that a check which reads a model that is yet to be built keeps its own one
 * back, and what reads that.
 */
function withoutUncheckable(
  decisions: readonly Decision[],
  { graph }: DecideOptions,
): readonly Decision[] {
  const decided = new Map(decisions.map((decision) => [decision.planned.step.name, decision]));
  const build = (node: string, reason: string) => {
    const known = decided.get(node);
    if (known?.outcome === "taken") decided.set(node, { planned: known.planned, outcome: "built", reason });
  };
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const [check, reads] of graph.checkDepends) {
      const open = reads.find((node) => decided.get(node)?.outcome === "built");
      const own = checkedNode(check);
      if (open === undefined || open === own) continue;
      for (const node of [own, ...downstreamOf(graph, own)]) {
        if (decided.get(node)?.outcome !== "taken") continue;
        build(node, `${check} reads ${open.slice("model:".length)}, which is built`);
        isSettled = false;
      }
    }
  }
  return [...decided.values()];
}
