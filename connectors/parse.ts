import * as v from "valibot";
import type { Connector } from "../contract/connector/connector.ts";
import { AppError } from "../contract/errors.ts";
import type { ResolvedConnector } from "../contract/jobs/job_base.ts";
import {
  type CommonConnectorKeys,
  commonConnectorSchema,
  splitConnectorKeys,
} from "../contract/connector/entry.ts";
import type { LoadDefinition } from "../contract/pipeline/load.ts";
import { ownKeys } from "../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../contract/pipeline/stream.ts";

/** What users wrote of connectors, streams and loads, as the connectors' own schemas read it. */

/** The connector of an entry with its parsed config. Throws `invalid`, naming the connector and the key. */
export function parseConnector(
  connectors: readonly Connector[],
  name: string,
  resolved: ResolvedConnector,
): { connector: Connector; config: unknown; common: CommonConnectorKeys } {
  const connector = connectorOf(connectors, name, resolved.type);
  const { own } = splitConnectorKeys(resolved.config);
  return {
    connector,
    config: parse(connector.configSchema, own, `Connector "${name}"`),
    common: parseCommonKeys(name, resolved.config),
  };
}

/** The keys that all connectors have, which hold no references. Throws `invalid`. */
export function parseCommonKeys(
  name: string,
  config: Readonly<Record<string, unknown>>,
): CommonConnectorKeys {
  return parse(commonConnectorSchema, splitConnectorKeys(config).common, `Connector "${name}"`);
}

/** The connector of that type. Throws `invalid` where there is none. */
export function connectorOf(connectors: readonly Connector[], name: string, type: string): Connector {
  const connector = connectors.find((candidate) => candidate.name === type);
  if (connector === undefined) {
    throw new AppError("invalid", `Connector "${name}" has the unknown type "${type}"`);
  }
  return connector;
}

/** The stream's own keys as its connector reads them. Throws `invalid`, also where it is no source. */
export function parseStream(connector: Connector, name: string, stream: StreamDefinition): unknown {
  if (connector.streamSchema === undefined) {
    throw new AppError(
      "invalid",
      `Cannot extract "${name}": connector "${stream.connector}" (${connector.name}) is no source`,
    );
  }
  return parse(connector.streamSchema, ownKeys(stream), `Stream "${name}"`);
}

/** The target's own keys as its connector reads them. Throws `invalid`, also where it is no destination. */
export function parseTarget(connector: Connector, target: LoadDefinition): unknown {
  if (connector.loadSchema === undefined) {
    throw new AppError("invalid", `Cannot load into "${target.connector}": it is no destination`);
  }
  return parse(connector.loadSchema, ownKeys(target), `The load into "${target.connector}"`);
}

function parse<T>(schema: v.GenericSchema<unknown, T>, value: unknown, subject: string): T {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const key = v.getDotPath(issue);
  const what = issue.type === "strict_object" ? "there is no such key" : issue.message;
  throw new AppError("invalid", `${subject}${key === null ? "" : `, key "${key}"`}: ${what}`);
}
