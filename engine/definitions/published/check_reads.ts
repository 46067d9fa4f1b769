import { environmentOf } from "../../../contract/environments/pipeline_name.ts";
import { publishedModels } from "../../../contract/pipeline/publish.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { addressOf, type PublishedName, publishedReads } from "../../../contract/snapshots/source.ts";
import { isSameName } from "../../../contract/sql.ts";
import type { Fault } from "../../../text/fault.ts";
import { pathText } from "../../../text/schema_faults.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { Store } from "../../store/store.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";

/** What a pipeline publishes, and what it reads of others; undefined for one whose definition nobody can read. */
export interface Publishing {
  readonly published: readonly string[];
  readonly reads: readonly PublishedName[];
}
export type PublishingByPipeline = ReadonlyMap<string, Publishing | undefined>;

const NO_OTHERS: () => Promise<PublishingByPipeline> = () => Promise.resolve(new Map());

/**
 * The pipelines with what is wrong with the published models that they read: there is no such pipeline or model, it is
 * not published, or its pipeline reads theirs. `others` are in force and not among them: asked for where one reads.
 */
export async function withReadFaults(
  pipelines: readonly LoadedPipeline[],
  others: () => Promise<PublishingByPipeline> = NO_OTHERS,
): Promise<LoadedPipeline[]> {
  if (pipelines.every((pipeline) => addressesOf(pipeline).length === 0)) return [...pipelines];
  const all = new Map([
    ...await others(),
    // Of one that is wrong elsewhere nobody knows what it was to publish.
    ...pipelines.map(({ name, definition }) => [name, definition && publishingOf(definition)] as const),
  ]);
  return pipelines.map((pipeline) => {
    const faults = addressesOf(pipeline).flatMap(({ stream, address }): Fault[] => {
      const path = ["extract", stream, "stream"];
      const message = faultOf(pipeline, stream, address, all);
      return message === undefined ? [] : [faultAt(pipeline, path, message)];
    });
    return faults.length === 0 ? pipeline : { ...pipeline, faults: [...pipeline.faults, ...faults] };
  });
}

/**
 * The pipelines that are taken, and those that read what one of them publishes, or what is made of that: it may have other
 * columns now.
 */
export function withReaders(
  pipelines: readonly LoadedPipeline[],
  isTaken: (pipeline: LoadedPipeline) => boolean,
): LoadedPipeline[] {
  const reads = new Map(pipelines.map((pipeline) => {
    const definition = definitionOf(pipeline);
    return [pipeline, definition === undefined ? [] : publishedReads(definition)] as const;
  }));
  const taken = new Set(pipelines.filter(isTaken));
  for (let before = -1; before < taken.size;) {
    before = taken.size;
    const names = new Set([...taken].map(({ name }) => name));
    for (const [pipeline, of] of reads) if (of.some((read) => names.has(read.pipeline))) taken.add(pipeline);
  }
  return pipelines.filter((pipeline) => taken.has(pipeline));
}

/** What the pipelines in force publish and read, but for those that `isLeftOut` names. */
export async function publishingInForce(
  { pipelines, revisions }: Pick<Store, "pipelines" | "revisions">,
  isLeftOut: (pipeline: { readonly name: string; readonly origin: "files" | "api" }) => boolean,
): Promise<PublishingByPipeline> {
  const kept = (await pipelines.list()).filter((record) => !isLeftOut(record));
  return new Map(
    await Promise.all(kept.map(async ({ name, revision }) => {
      const found = revision === null ? undefined : await revisions.get(revision);
      return [name, found && publishingOf(found.revision.definition)] as const;
    })),
  );
}

export const publishingOf = (
  definition: Pick<PipelineDefinition, "extract" | "publish">,
): Publishing => ({
  published: publishedModels(definition.publish).map(({ model }) => model),
  reads: publishedReads(definition),
});

const faultAt = (pipeline: LoadedPipeline, path: DocumentPath, message: string): Fault => ({
  ...pipeline.place(path),
  message: `${pathText(path)}: ${message}`,
  severity: "error",
});

/** Of one that is wrong elsewhere as well. */
const definitionOf = ({ definition, sketch }: LoadedPipeline): PipelineDefinition | undefined =>
  definition ?? sketch?.definition;

function addressesOf(pipeline: LoadedPipeline): { readonly stream: string; readonly address: string }[] {
  return Object.entries(definitionOf(pipeline)?.extract ?? {}).flatMap(([stream, definition]) => {
    const address = addressOf(definition);
    return address === undefined ? [] : [{ stream, address }];
  });
}

function faultOf(
  { name, definition, sketch }: LoadedPipeline,
  stream: string,
  address: string,
  all: PublishingByPipeline,
): string | undefined {
  if (address.includes("${")) {
    return "what is read of another pipeline is the same in every run: write its name without params";
  }
  const extract = (definition ?? sketch?.definition)?.extract ?? {};
  // What is no such name is a fault of its shape.
  const read = publishedReads({ extract }).find((one) => one.stream === stream);
  if (read === undefined) return undefined;
  const { pipeline, model } = read;
  if (pipeline === name) return `a pipeline does not read what it publishes itself: name ${model} in its SQL`;
  if (!all.has(pipeline)) {
    if (environmentOf(name) !== null) {
      return `there is no pipeline "${pipeline}" in production, whose published models an environment reads: apply it there first`;
    }
    const known = [...all.keys()].filter((other) => other !== name && environmentOf(other) === null)
      .toSorted();
    return `there is no pipeline "${pipeline}"${didYouMeanOneOf(pipeline, known)}`;
  }
  const publisher = all.get(pipeline);
  if (publisher === undefined) return undefined;
  if (!publisher.published.includes(model)) {
    const meant = publisher.published.find((one) => isSameName(one, model));
    const hint = meant === undefined
      ? didYouMeanOneOf(model, publisher.published) || `; add it to publish: there`
      : `; it is called ${meant}`;
    return `pipeline "${pipeline}" does not publish "${model}"${hint}`;
  }
  const way = wayBack(name, pipeline, all);
  return way === undefined
    ? undefined
    : `${name} would read what is made of its own rows: ${[name, ...way].join(" reads ")}`;
}

/** The shortest way from `publisher` to `name` along who reads whom, both included; undefined for none. */
function wayBack(name: string, publisher: string, all: PublishingByPipeline): string[] | undefined {
  const seen = new Set([publisher]);
  let ways = [[publisher]];
  while (ways.length > 0) {
    const found = ways.find((way) => way.at(-1) === name);
    if (found !== undefined) return found;
    ways = ways.flatMap((way) => {
      const next = new Set((all.get(way.at(-1) ?? "")?.reads ?? []).map(({ pipeline }) => pipeline));
      const fresh = [...next].filter((one) => !seen.has(one));
      for (const one of fresh) seen.add(one);
      return fresh.map((one) => [...way, one]);
    });
  }
  return undefined;
}
