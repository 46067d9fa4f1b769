import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { addressOf, normalizedTarget } from "../../../contract/environments/address.ts";
import { splitPlacedName } from "../../../contract/environments/pipeline_name.ts";
import { AppError } from "../../../contract/errors.ts";
import { namedLoads } from "../../../contract/pipeline/named_loads.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { type ReferenceSources, resolveConnector } from "../../secrets/resolve.ts";
import type { Store } from "../../store/store.ts";

export interface RequireApartContext {
  readonly store: Pick<Store, "pipelines" | "revisions">;
  readonly references: ReferenceSources;
}

interface Subject {
  readonly definition: Pick<PipelineDefinition, "load">;
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
}

/**
 * Throws `forbidden` where a run in an environment would write what its pipeline writes in production: two connectors may be
 * the same server once their references are resolved, which no check of files can know. Nothing for production itself.
 */
export async function requireApart(
  { store, references }: RequireApartContext,
  name: string,
  own: Subject,
): Promise<void> {
  const { pipeline, environment } = splitPlacedName(name);
  if (environment === null || namedLoads(own.definition.load).length === 0) return;
  const id = (await store.pipelines.get(pipeline))?.revision ?? null;
  const revision = id === null ? undefined : (await store.revisions.get(id))?.revision;
  if (id === null || revision === undefined) return;
  const connectors = await store.revisions.connectors(id);
  const written = new Map<string, string>();
  for (
    const { connector, key } of await placesOf({ definition: revision.definition, connectors }, references)
  ) {
    written.set(key, connector);
  }
  for (const { connector, key, step, target } of await placesOf(own, references)) {
    const other = written.get(key);
    if (other === undefined) continue;
    throw new AppError(
      "forbidden",
      `${step} would write ${target} of production: in the environment ${environment} ${connector} is ` +
        (connector === other
          ? "production's, too"
          : `the same place as ${other}, once their references are resolved`) +
        ". Map it to one of another database, or use another schema_suffix",
      { reason: "not_apart" },
    );
  }
}

async function placesOf({ definition, connectors }: Subject, references: ReferenceSources) {
  const addresses = new Map<string, string>();
  const places = [];
  for (const { step, target: load } of namedLoads(definition.load)) {
    const entry = Object.hasOwn(connectors, load.connector) ? connectors[load.connector] : undefined;
    const target = typeof load.table === "string"
      ? load.table
      : typeof load.path === "string"
      ? load.path
      : undefined;
    if (entry === undefined || target === undefined) continue;
    const address = addresses.get(load.connector) ?? await addressIn(load.connector, entry, references);
    addresses.set(load.connector, address);
    const key = JSON.stringify([address, normalizedTarget(target)]);
    places.push({ step, target, connector: load.connector, key });
  }
  return places;
}

/** Of one with a reference that has no value, as it is written: its run says what is missing. */
async function addressIn(
  name: string,
  entry: ConnectorDefinition,
  references: ReferenceSources,
): Promise<string> {
  try {
    const { config } = await resolveConnector(name, entry, references);
    return addressOf({ ...config, type: entry.type });
  } catch {
    return addressOf(entry);
  }
}
