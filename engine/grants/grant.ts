import { isAbsolute } from "node:path";
import type { Access, Connector, ConnectorUse } from "../../contract/connector.ts";
import { AppError, toAppError } from "../../contract/errors.ts";
import { type ConnectorDefinition, loadTargets, type PipelineDefinition } from "../../contract/pipeline.ts";
import { createRedactor } from "./redact.ts";
import { type ReferenceSources, resolveConnector } from "./references.ts";
import { parseConnector, parseStream, parseTarget } from "../../connectors/parse.ts";
import type { ResolvedConnector } from "../../contract/job.ts";

/** What a process needs to be handed and allowed for some pipelines. */
export interface Provision {
  readonly connectors: Readonly<Record<string, ResolvedConnector>>;
  readonly access: Access;
  /** Values that must not appear in anything the process says. */
  readonly secrets: readonly string[];
}

export interface ProvisionSubject {
  readonly definition: PipelineDefinition;
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
}

/**
 * Resolves the connectors that the pipelines name and adds up what they must be allowed. Throws
 * `invalid` for a reference without a value or a config that does not fit.
 */
export async function provide(
  subjects: readonly ProvisionSubject[],
  types: readonly Connector[],
  references: ReferenceSources,
  projectDir: string,
): Promise<Provision> {
  const resolved: Record<string, ResolvedConnector> = {};
  const secrets = new Set<string>();
  const hosts = new Set<string>();
  const read = new Set<string>();
  const write = new Set<string>();
  for (const { definition, connectors } of subjects) {
    for (const [name, uses] of usesOf(definition)) {
      const entry = connectors[name];
      if (entry === undefined) continue;
      const { config: values, secrets: found } = await resolveConnector(name, entry, references);
      const { connector, config } = parseWithoutSecrets(
        types,
        name,
        { type: entry.type, config: values },
        found,
      );
      resolved[name] = { type: entry.type, config: values };
      for (const secret of [...found, ...connector.secrets(config)]) secrets.add(secret);
      for (const use of uses) {
        const access = connector.access(config, use(connector), { name, projectDir });
        for (const host of access.hosts) hosts.add(host);
        for (const path of access.read) read.add(absolute(path));
        for (const path of access.write) write.add(absolute(path));
      }
    }
  }
  return {
    connectors: resolved,
    access: { hosts: [...hosts], read: [...read], write: [...write] },
    secrets: [...secrets],
  };
}

/** What does not fit is quoted in messages, and may be a secret in the wrong place. */
function parseWithoutSecrets(
  types: readonly Connector[],
  name: string,
  resolved: ResolvedConnector,
  secrets: readonly string[],
): ReturnType<typeof parseConnector> {
  try {
    return parseConnector(types, name, resolved);
  } catch (error) {
    const { code, message } = toAppError(error);
    throw new AppError(code, createRedactor(secrets)(message));
  }
}

/** What each connector is used for, once the connector is known that reads the uses' own keys. */
function usesOf(definition: PipelineDefinition): Map<string, ((connector: Connector) => ConnectorUse)[]> {
  const uses = new Map<string, ((connector: Connector) => ConnectorUse)[]>();
  const add = (name: string, use: (connector: Connector) => ConnectorUse) =>
    uses.set(name, [...uses.get(name) ?? [], use]);
  for (const [name, stream] of Object.entries(definition.extract)) {
    add(stream.connector, (connector) => ({ kind: "source", stream: parseStream(connector, name, stream) }));
  }
  for (const load of Object.values(definition.load)) {
    for (const target of loadTargets(load)) {
      add(target.connector, (connector) => ({
        kind: "destination",
        target: parseTarget(connector, target),
      }));
    }
  }
  return uses;
}

function absolute(path: string): string {
  if (!isAbsolute(path)) throw new Error(`A connector asked for the relative path ${path}`);
  return path;
}
