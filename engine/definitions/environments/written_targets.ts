import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import { placedName } from "../../../contract/environments/pipeline_name.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { pathText } from "../../../text/schema_faults.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { PipelineFault } from "../check_pipeline.ts";

/** A pipeline in an environment, or in production, by what it loads. */
export interface Writer {
  readonly pipeline: string;
  readonly environment: string | null;
  readonly load: PipelineDefinition["load"];
}

interface Written {
  readonly writer: Writer;
  readonly path: DocumentPath;
  readonly target: string;
}

/** Targets by the system that they are in, as far as its address is written in connectors.yaml. */
export type WrittenTargets = ReadonlyMap<string, readonly Written[]>;

export function writtenTargets(
  writers: readonly Writer[],
  connectors: Readonly<Record<string, ConnectorDefinition>>,
): WrittenTargets {
  const found = new Map<string, Written[]>();
  for (const writer of writers) {
    for (const [name, loads] of Object.entries(writer.load)) {
      for (const [index, { connector, table, path }] of loadTargets(loads).entries()) {
        const entry = Object.hasOwn(connectors, connector) ? connectors[connector] : undefined;
        const target = typeof table === "string" ? table : typeof path === "string" ? path : undefined;
        if (entry === undefined || target === undefined) continue;
        const key = JSON.stringify([addressOf(entry), normalized(target)]);
        const at = Array.isArray(loads) ? ["load", name, index] : ["load", name];
        found.set(key, [...found.get(key) ?? [], { writer, path: at, target }]);
      }
    }
  }
  return found;
}

/** What two of them write that should be apart: a fault for each load of the environment's pipeline. */
export function sharedTargets(
  { pipeline, environment }: Pick<Writer, "pipeline" | "environment">,
  written: WrittenTargets,
): PipelineFault[] {
  return [...written.values()].flatMap((uses) => {
    const own = uses.find(({ writer }) => writer.pipeline === pipeline && writer.environment === environment);
    const other = uses.find(({ writer }) => writer.environment !== environment);
    if (own === undefined || other === undefined) return [];
    const { writer } = other;
    const message = `${
      pathText(own.path)
    }: in the environment ${environment} it would write ${own.target}, which ${
      placedName(writer)
    } writes too: map its connector to one of another database, or use another schema_suffix`;
    return [{ path: own.path, at: "key", message, severity: "error" } as const];
  });
}

/** Keys of an entry that say who signs in and how, and nothing of where it is. */
const NOT_THE_PLACE = new Set([
  "user",
  "username",
  "password",
  "token",
  "auth",
  "access_key_id",
  "secret_access_key",
  "session_token",
  "private_key",
  "private_key_passphrase",
  "max_connections",
  "mask_salt",
  "ssl",
  "ssl_ca",
  "ssl_cert",
  "ssl_key",
  "timeout",
  "connect_timeout",
]);

/** Where the system of a connector is, as it is written: references are not resolved. */
function addressOf(entry: ConnectorDefinition): string {
  const keys = Object.entries(entry).filter(([key]) => !NOT_THE_PLACE.has(key)).sort(([a], [b]) =>
    a < b ? -1 : 1
  );
  return JSON.stringify(keys.map(([key, value]) => [key, key === "url" ? withoutUser(value) : value]));
}

function withoutUser(url: unknown): unknown {
  return typeof url === "string" ? url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^@/]*@/i, "$1").toLowerCase() : url;
}

/** Names that differ in case or quotes alone count as the same: they may be. */
const normalized = (target: string): string => target.replaceAll(/["`[\]]/g, "").toLowerCase();
