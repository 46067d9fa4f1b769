import { isDeepStrictEqual } from "node:util";
import { environmentOf, splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import type { CheckReport } from "../../../contract/jobs/check_job.ts";
import {
  type PublishedName,
  publishedNameText,
  publishedReads,
  type SnapshotInput,
  type SnapshotInputs,
} from "../../../contract/snapshots/source.ts";
import type { Column } from "../../../contract/sql.ts";
import type { Fault } from "../../../text/fault.ts";
import { placed } from "../check/check_context.ts";
import { inWaves, knownFirst } from "../published/read_columns.ts";
import { compileSides, type Uncompiled } from "./compile_sides.ts";
import type { Compiled } from "./plan_pipeline.ts";
import type { PlanSide } from "./plan_side.ts";
import { type Compared, isReadable, type PlanContext } from "./planned_pipeline.ts";
import { streamColumnsOf } from "./stream_columns.ts";

/** What was found when the two versions of a pipeline were compiled, and what is wrong with the new one. */
export interface Found extends Compiled {
  readonly faults: readonly Fault[];
}

type Side = "before" | "after";

/** How many pipelines are compiled in one process. */
const PIPELINES_A_PROCESS = 10;

/**
 * Compiles both versions of each that `isWanted` takes; behind it those that read what it publishes, where that has other columns;
 * and before it those whose published models it reads and nobody else knows.
 */
export async function compileAll(
  context: PlanContext,
  compared: readonly Compared[],
  isWanted: (one: Compared) => boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>();
  const known = knownOf(context, compared, found);
  let next = await withPublishers(compared.filter(isWanted), compared, known);
  while (next.length > 0) {
    for (const wave of inWaves(next, nameOf, readsOf)) {
      for (let first = 0; first < wave.length; first += PIPELINES_A_PROCESS) {
        await compileSome(context, wave.slice(first, first + PIPELINES_A_PROCESS), known, found, signal);
      }
    }
    const readers = compared.filter((one) =>
      isReadable(one) && !found.has(nameOf(one)) && readsOf(one).some((read) => hasOtherColumns(found, read))
    );
    next = (await withPublishers(readers, compared, known)).filter((one) => !found.has(nameOf(one)));
  }
  return found;
}

const nameOf = ({ planned }: Compared): string => planned.name;

const readsOf = ({ changes: { before, after } }: Compared) =>
  [before, after].flatMap((side) => side === undefined ? [] : publishedReads(side.definition));

/** What is known of a published model as one of the two versions of its pipeline has it. */
type Known = (side: Side, read: PublishedName) => Promise<SnapshotInput | undefined>;

function knownOf(
  context: PlanContext,
  compared: readonly Compared[],
  found: ReadonlyMap<string, Found>,
): Known {
  const environment = environmentOf(compared[0]?.planned.name ?? "");
  const of = (side: Side) =>
    knownFirst(
      (pipeline, model) => {
        const columns = found.get(pipeline)?.[side]?.modelColumns[model];
        return columns && { columns, pii: [] };
      },
      context.publishedColumns,
      environment,
    );
  const bySide = { before: of("before"), after: of("after") };
  return (side, read) => bySide[side](read);
}

/** The same, and those whose published models they read, as far as they are not known otherwise. */
async function withPublishers(
  wanted: readonly Compared[],
  compared: readonly Compared[],
  known: Known,
): Promise<Compared[]> {
  const all = new Set(wanted);
  const byName = new Map(compared.map((one) => [splitPlacedName(nameOf(one)).pipeline, one]));
  for (const one of all) {
    for (const read of readsOf(one)) {
      const publisher = byName.get(read.pipeline);
      if (publisher === undefined || all.has(publisher) || !isReadable(publisher)) continue;
      if (await known("after", read) === undefined) all.add(publisher);
    }
  }
  return [...all];
}

function hasOtherColumns(found: ReadonlyMap<string, Found>, { pipeline, model }: PublishedName): boolean {
  const of = found.get(pipeline);
  const [was, is] = [of?.before?.modelColumns[model], of?.after?.modelColumns[model]];
  return was !== undefined && is !== undefined && !isDeepStrictEqual(was, is);
}

async function compileSome(
  context: PlanContext,
  some: readonly Compared[],
  known: Known,
  found: Map<string, Found>,
  signal: AbortSignal,
): Promise<void> {
  const columns = await streamColumnsOf(context, some, signal);
  const sides: Uncompiled[] = [];
  for (const { planned: { name }, changes } of some) {
    for (const side of ["before", "after"] as const) {
      const version = changes[side];
      if (version === undefined) continue;
      const published = await inputsOf(version, (read) => known(side, read));
      const own: Readonly<Record<string, readonly Column[]>> = columns.get(name)?.[side] ?? {};
      sides.push({ name: `${side} ${name}`, pipeline: name, side: version, columns: own, ...published });
    }
  }
  const reports = await compileSides(context, sides, signal);
  for (const { planned: { name, after } } of some) {
    const reportOf = (side: Side): CheckReport | undefined =>
      typeof reports === "string" ? undefined : reports.get(`${side} ${name}`);
    const ofProcess = typeof reports === "string" && after !== undefined
      ? [{ file: after.path, message: reports, severity: "error" as const }]
      : [];
    const ofReport = after === undefined
      ? []
      : (reportOf("after")?.faults ?? []).map((fault) => placed(after, fault));
    found.set(name, {
      before: reportOf("before"),
      after: reportOf("after"),
      faults: [...ofProcess, ...ofReport],
    });
  }
}

async function inputsOf(
  { definition }: PlanSide,
  known: (read: PublishedName) => Promise<SnapshotInput | undefined>,
): Promise<{ readonly published?: SnapshotInputs }> {
  const inputs: Record<string, SnapshotInput> = {};
  for (const read of publishedReads(definition)) {
    const input = await known(read);
    if (input !== undefined) inputs[publishedNameText(read)] = input;
  }
  return Object.keys(inputs).length === 0 ? {} : { published: inputs };
}
