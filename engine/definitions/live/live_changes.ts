import type { PipelineStep } from "../../../contract/run.ts";
import { type Column, findColumn, isSameName, nameKey } from "../../../contract/sql.ts";
import { kindOf, modelName } from "../../../sql/language/files/kinds.ts";
import type { Macro } from "../../../sql/language/macros/parse_macros.ts";
import { parseMacros } from "../../../sql/language/macros/parse_macros.ts";
import { macrosCalledIn } from "../../../sql/language/macros/used_macros.ts";
import type { Fault } from "../../../text/fault.ts";
import type { LivePipeline, LiveState } from "./live_checker.ts";

/** What differs between two looks at a project. */
export interface LiveChanges {
  /** Faults that there were not. One that only stands on another line now is no new one. */
  readonly appeared: readonly Fault[];
  readonly gone: readonly Fault[];
  /** Streams and models that are others now, in the order of their pipelines' steps. */
  readonly tables: readonly TableChange[];
  /** Models and loads that read one of these, directly or through others, and are not among them. */
  readonly affected: readonly AffectedStep[];
}

export interface TableChange {
  readonly pipeline: string;
  /** `daily`, `raw.orders`. */
  readonly table: string;
  readonly change: "added" | "removed" | "changed";
  readonly columns: ColumnChanges;
}

export interface ColumnChanges {
  readonly added: readonly Column[];
  readonly removed: readonly Column[];
  readonly retyped: readonly { readonly name: string; readonly from: string; readonly to: string }[];
}

export interface AffectedStep {
  readonly pipeline: string;
  /** `model:weekly`, `load:weekly→lake`. */
  readonly step: string;
}

export function changesBetween(before: LiveState, after: LiveState): LiveChanges {
  const [old, now] = [allFaults(before), allFaults(after)];
  const names = [...new Set([...after.pipelines.keys(), ...before.pipelines.keys()])];
  const perPipeline = names.map((name) =>
    pipelineChanges(name, before.pipelines.get(name), after.pipelines.get(name))
  );
  return {
    appeared: without(now, old),
    gone: without(old, now),
    tables: perPipeline.flatMap(({ tables }) => tables),
    affected: perPipeline.flatMap(({ affected }) => affected),
  };
}

export const hasChanges = ({ appeared, gone, tables, affected }: LiveChanges): boolean =>
  [appeared, gone, tables, affected].some(({ length }) => length > 0);

const allFaults = ({ faults }: LiveState): readonly Fault[] => [...faults.values()].flat();

const keyOf = ({ file, message, severity }: Fault): string => [file, severity, message].join("\0");

/** Those that the others do not have, as often as they have them. */
function without(faults: readonly Fault[], others: readonly Fault[]): Fault[] {
  const left = new Map<string, number>();
  for (const fault of others) left.set(keyOf(fault), (left.get(keyOf(fault)) ?? 0) + 1);
  return faults.filter((fault) => {
    const count = left.get(keyOf(fault)) ?? 0;
    left.set(keyOf(fault), count - 1);
    return count <= 0;
  });
}

function pipelineChanges(
  pipeline: string,
  before: LivePipeline | undefined,
  after: LivePipeline | undefined,
): Pick<LiveChanges, "tables" | "affected"> {
  if (before === after) return { tables: [], affected: [] };
  const tables = [
    ...tableChanges(pipeline, "raw.", streamsOf(before), streamsOf(after)),
    ...tableChanges(pipeline, "", modelsOf(before), modelsOf(after)),
  ];
  return { tables, affected: affectedBy(pipeline, tables, after?.steps ?? []) };
}

/** A table as far as it can differ. */
interface Seen {
  readonly name: string;
  /** What is written of it, and of what it calls. */
  readonly text: string;
  /** Undefined where they are not known. */
  readonly columns: readonly Column[] | undefined;
}

function streamsOf(live: LivePipeline | undefined): readonly Seen[] {
  return Object.entries(live?.loaded.sketch?.definition.extract ?? {}).map(([name, stream]) => ({
    name,
    text: JSON.stringify(stream),
    columns: live?.streamColumns[name],
  }));
}

function modelsOf(live: LivePipeline | undefined): readonly Seen[] {
  const files = live?.loaded.files ?? [];
  const macros = files.filter(({ path }) => kindOf(path) === "macros").flatMap((file) =>
    parseMacros(file).statements.map(({ macro }) => macro)
  );
  return files.flatMap(({ path, content }) => {
    const kind = kindOf(path);
    if (kind !== "model" && kind !== "seed") return [];
    const name = modelName(path);
    const called = kind === "model" ? macrosCalledIn([content], macros).map(textOf) : [];
    return [{ name, text: [content, ...called].join("\0"), columns: live?.modelColumns[name] }];
  });
}

const textOf = ({ name, text, start, end }: Macro): string => `${name}${text.slice(start, end)}`;

function tableChanges(
  pipeline: string,
  schema: string,
  before: readonly Seen[],
  after: readonly Seen[],
): TableChange[] {
  const change = (name: string, kind: TableChange["change"], columns: ColumnChanges): TableChange => ({
    pipeline,
    table: `${schema}${name}`,
    change: kind,
    columns,
  });
  const old = new Map(before.map((table) => [nameKey(table.name), table]));
  const kept = new Set(after.map(({ name }) => nameKey(name)));
  return [
    ...after.flatMap((table): TableChange[] => {
      const was = old.get(nameKey(table.name));
      if (was === undefined) {
        return [change(table.name, "added", { ...NO_CHANGES, added: table.columns ?? [] })];
      }
      const columns = columnChanges(was.columns, table.columns);
      const isSame = was.text === table.text && Object.values(columns).every(({ length }) => length === 0);
      return isSame ? [] : [change(table.name, "changed", columns)];
    }),
    ...before.filter(({ name }) => !kept.has(nameKey(name))).map(({ name }) =>
      change(name, "removed", NO_CHANGES)
    ),
  ];
}

const NO_CHANGES: ColumnChanges = { added: [], removed: [], retyped: [] };

/** None where they are not known on one side. */
function columnChanges(
  before: readonly Column[] | undefined,
  after: readonly Column[] | undefined,
): ColumnChanges {
  if (before === undefined || after === undefined || before === after) return NO_CHANGES;
  return {
    added: after.filter(({ name }) => findColumn(before, name) === undefined),
    removed: before.filter(({ name }) => findColumn(after, name) === undefined),
    retyped: after.flatMap(({ name, type }) => {
      const from = findColumn(before, name)?.type;
      return from === undefined || from === type ? [] : [{ name, from, to: type }];
    }),
  };
}

function affectedBy(
  pipeline: string,
  tables: readonly TableChange[],
  steps: readonly PipelineStep[],
): AffectedStep[] {
  const isChanged = ({ kind, name }: PipelineStep) =>
    tables.some(({ table }) =>
      kind === "model"
        ? isSameName(table, name.slice("model:".length))
        : kind === "extract" && isSameName(table, `raw.${name.slice("extract:".length)}`)
    );
  const begin = new Set(steps.filter(isChanged).map(({ name }) => name));
  const reached = new Set(begin);
  // Steps stand behind what they depend on, but for checks of other models.
  for (let size = -1; size !== reached.size;) {
    size = reached.size;
    for (const { name, depends } of steps) if (depends.some((other) => reached.has(other))) reached.add(name);
  }
  return steps.filter(({ name, kind }) =>
    (kind === "model" || kind === "load") && reached.has(name) && !begin.has(name)
  ).map(({ name }) => ({ pipeline, step: name }));
}
