import { type AfterDefinition, dependenciesOf } from "../../contract/triggers/after.ts";
import type { Fault } from "../../text/fault.ts";
import { pathText } from "../../text/schema_faults.ts";
import { didYouMeanOneOf } from "../../text/suggest.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";
import type { Store } from "../store/store.ts";
import type { LoadedPipeline } from "./parse_pipeline.ts";

/** What pipelines run after, by their names; undefined for those that run after none. */
export type AfterByPipeline = ReadonlyMap<string, AfterDefinition | undefined>;

/**
 * The pipelines with what is wrong with the others that they run after: one that there is not, or that runs after
 * them itself. `others` are in force and not among them.
 */
export function withTriggerFaults(
  pipelines: readonly LoadedPipeline[],
  others: AfterByPipeline = new Map(),
): LoadedPipeline[] {
  const all = new Map([
    ...others,
    ...pipelines.map((pipeline) => [pipeline.name, afterOf(pipeline)] as const),
  ]);
  return pipelines.map((pipeline) => {
    const after = afterOf(pipeline);
    if (after === undefined) return pipeline;
    const { pipelines: upstreams } = dependenciesOf(after);
    if (upstreams.length === 0) {
      const message =
        "after: reads needs a stream that reads what another pipeline publishes: connector: sluice";
      return {
        ...pipeline,
        faults: [...pipeline.faults, { ...pipeline.place(["after"]), message, severity: "error" }],
      };
    }
    const faults = upstreams.flatMap((upstream): Fault[] => {
      const message = faultOf(pipeline.name, upstream, all);
      if (message === undefined) return [];
      const path = pathOf(after, upstream);
      return [{ ...pipeline.place(path), message: `${pathText(path)}: ${message}`, severity: "error" }];
    });
    return faults.length === 0 ? pipeline : { ...pipeline, faults: [...pipeline.faults, ...faults] };
  });
}

/** What the pipelines in force run after, but for those that `isLeftOut` names. */
export async function afterInForce(
  { pipelines, dependencies }: Store,
  isLeftOut: (pipeline: { readonly name: string; readonly origin: "files" | "api" }) => boolean,
): Promise<AfterByPipeline> {
  const after = new Map((await dependencies.list()).map((found) => [found.pipeline, found.after]));
  const kept = (await pipelines.list()).filter((record) => !isLeftOut(record));
  return new Map(kept.map(({ name }) => [name, after.get(name)]));
}

/** Of one that is wrong elsewhere as well. */
const afterOf = ({ definition, sketch }: LoadedPipeline): AfterDefinition | undefined =>
  (definition ?? sketch?.definition)?.after;

function faultOf(name: string, upstream: string, all: AfterByPipeline): string | undefined {
  if (!all.has(upstream)) {
    const known = [...all.keys()].filter((other) => other !== name).toSorted();
    return `there is no pipeline "${upstream}"${didYouMeanOneOf(upstream, known)}`;
  }
  const way = wayBack(name, upstream, all);
  if (way === undefined) return undefined;
  return way.length === 1
    ? "a pipeline cannot run after itself"
    : `${name} would run after itself: ${[name, ...way].join(" after ")}`;
}

/** The shortest way from `upstream` to `name` along what runs after what, both included; undefined for none. */
function wayBack(name: string, upstream: string, all: AfterByPipeline): string[] | undefined {
  const seen = new Set([upstream]);
  let ways = [[upstream]];
  while (ways.length > 0) {
    const found = ways.find((way) => way.at(-1) === name);
    if (found !== undefined) return found;
    ways = ways.flatMap((way) => {
      const after = all.get(way.at(-1) ?? "");
      const next = after === undefined ? [] : dependenciesOf(after).pipelines.filter((one) => !seen.has(one));
      for (const one of next) seen.add(one);
      return next.map((one) => [...way, one]);
    });
  }
  return undefined;
}

/** Where the definition names it. */
function pathOf(after: AfterDefinition, upstream: string): DocumentPath {
  if (Array.isArray(after) || typeof after === "string") return ["after", after.indexOf(upstream)];
  return "all" in after
    ? ["after", "all", after.all.indexOf(upstream)]
    : ["after", "any", after.any.indexOf(upstream)];
}
