import { type LoadDefinition, loadTargets } from "../../../contract/pipeline/load.ts";
import { namedLoads } from "../../../contract/pipeline/named_loads.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import { isWildcard, loadOfStream } from "../../../contract/pipeline/wildcard.ts";
import type { ReadableRevision } from "../../../contract/revision.ts";
import type { Step } from "../../../contract/run.ts";

/** What a step reads or writes outside. */
export interface StepAddress {
  /** By its name in connectors.yaml. */
  readonly connector: string;
  /** Its `type` there. */
  readonly type: string;
  readonly part:
    | { readonly kind: "stream"; readonly name: string; readonly stream: StreamDefinition }
    | { readonly kind: "load"; readonly table: string; readonly target: LoadDefinition };
}

/** Undefined for a model and a check, and where the definition does not say. */
export function stepAddress(
  { definition: { extract, load }, connectors }: Pick<ReadableRevision, "definition" | "connectors">,
  step: Pick<Step, "name" | "kind">,
): StepAddress | undefined {
  const place = (connector: string) => ({ connector, type: connectors[connector]?.type ?? connector });
  const label = step.name.slice(step.name.indexOf(":") + 1);
  const wildcard = Object.keys(extract).find((name) => extract[name] && isWildcard(extract[name]));
  if (step.kind === "extract") {
    // What no entry names was found by the wildcard.
    const stream = Object.hasOwn(extract, label) ? extract[label] : extract[wildcard ?? ""];
    return stream && { ...place(stream.connector), part: { kind: "stream", name: label, stream } };
  }
  if (step.kind !== "load") return undefined;
  const stream = label.split("→")[0] ?? "";
  const ofWildcard = loadTargets(load[wildcard ?? ""] ?? []).map((target) => loadOfStream(target, stream));
  const found = [...namedLoads(load), ...namedLoads({ [stream]: ofWildcard })]
    .find((one) => one.step === step.name);
  if (found === undefined) return undefined;
  const { table, target } = found;
  return { ...place(target.connector), part: { kind: "load", table, target } };
}
