import { join } from "node:path";
import type { Connector, DatasetName } from "../../../../contract/connector/connector.ts";
import { isWildcard } from "../../../../contract/pipeline/wildcard.ts";
import type { ReadableRevision } from "../../../../contract/revision.ts";
import { addressOf, parsePublishedName, type PublishedName } from "../../../../contract/snapshots/source.ts";
import { parseConnector, parseStream, parseTarget } from "../../../../connectors/parse.ts";
import type { Store } from "../../../store/store.ts";
import { type ReferenceSources, resolveConnector } from "../../../secrets/resolve.ts";
import type { StepAddress } from "../step_address.ts";

export interface NamingContext {
  readonly connectors: readonly Connector[];
  readonly references: ReferenceSources;
  readonly store: { readonly revisions: Pick<Store["revisions"], "connectors"> };
  readonly projectDir: string;
  readonly dataDir: string;
  /** Of jobs; and of data that has no name of its own, as the records of a script. */
  readonly namespace: string;
}

/** What data is called. */
export interface DatasetNames {
  /** What a stream reads or a load writes; undefined where it has no name, as a query. */
  of(
    revision: Pick<ReadableRevision, "id" | "pipeline">,
    address: StepAddress,
  ): Promise<DatasetName | undefined>;
  /** A table of a pipeline's warehouse, by its whole name, as `raw.orders`. */
  inWarehouse(pipeline: string, table: string): DatasetName;
}

export function createDatasetNames(context: NamingContext): DatasetNames {
  const inWarehouse: DatasetNames["inWarehouse"] = (pipeline, table) => {
    const path = join(context.dataDir, "warehouse", `${pipeline}.duckdb`);
    return { namespace: `duckdb://${path}`, name: `${pipeline}.${table}` };
  };
  return {
    async of(revision, address) {
      const { connector: name, part } = address;
      const published = publicationOf(address);
      // What is read of another pipeline is the table that its model made.
      if (published !== undefined) return inWarehouse(published.pipeline, `main.${published.model}`);
      const connector = context.connectors.find((one) => one.name === address.type);
      const label = part.kind === "stream" ? part.name : part.table;
      const unknown = { namespace: context.namespace, name: `${revision.pipeline}.${name}.${label}` };
      if (connector?.dataset === undefined) return unknown;
      try {
        const definition = (await context.store.revisions.connectors(revision.id))[name];
        if (definition === undefined) return unknown;
        const { config: keys } = await resolveConnector(name, definition, context.references);
        const { config } = parseConnector(context.connectors, name, { type: address.type, config: keys });
        const use = useOf(connector, part);
        return connector.dataset(config, use, { name, projectDir: context.projectDir });
      } catch {
        // A secret that is gone, or an address that nobody can read: the run has said so, where it needs it.
        return unknown;
      }
    },

    inWarehouse,
  };
}

function publicationOf({ part }: StepAddress): PublishedName | undefined {
  const address = part.kind === "stream" ? addressOf(part.stream) : undefined;
  return address === undefined ? undefined : parsePublishedName(address);
}

function useOf(connector: Connector, part: StepAddress["part"]) {
  if (part.kind === "load") {
    return { kind: "destination", target: parseTarget(connector, part.target) } as const;
  }
  const { name, stream } = part;
  // Of a wildcard's streams each has its own name in the pattern's place.
  const own = isWildcard(stream)
    ? { ...stream, stream: String(stream["stream"]).replace(/[^.]*\*.*$/, name) }
    : stream;
  return { kind: "source", stream: parseStream(connector, name, own) } as const;
}
