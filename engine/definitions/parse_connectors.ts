import type { Connector } from "../../contract/connector/connector.ts";
import {
  commonConnectorSchema,
  type ConnectorDefinition,
  splitConnectorKeys,
} from "../../contract/connector/entry.ts";
import { BUILT_IN_CONNECTORS } from "../../contract/pipeline/scripts.ts";
import { checkSchema, type SchemaFault } from "../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import {
  isStillOpen,
  type NamedEntries,
  noEntries,
  parseNamedEntries,
  referenceFaults,
  settledFaults,
} from "./named_entries.ts";

export const CONNECTORS_FILE = "connectors.yaml";

export interface ParsedConnectors extends Omit<NamedEntries<ConnectorDefinition>, "entries"> {
  /** Those without a fault, references not resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
}

const parsed = ({ entries, ...rest }: NamedEntries<ConnectorDefinition>): ParsedConnectors => (
  { connectors: entries, ...rest }
);

export const NO_CONNECTORS: ParsedConnectors = parsed(noEntries(CONNECTORS_FILE));

/** Reads the text of connectors.yaml. Never throws for what a user wrote. */
export function parseConnectors(
  text: string,
  connectorTypes: readonly Connector[],
  file = CONNECTORS_FILE,
): ParsedConnectors {
  return parsed(parseNamedEntries<ConnectorDefinition>(text, file, "connector", (name, entry) => {
    const found = checkConnector(name, entry, connectorTypes);
    return found.length === 0 ? entry : found;
  }));
}

function checkConnector(
  name: string,
  definition: ConnectorDefinition,
  connectorTypes: readonly Connector[],
): SchemaFault[] {
  const { type, ...config } = definition;
  if (Object.hasOwn(BUILT_IN_CONNECTORS, name)) {
    const message = `${name}: every project has a connector of this name: use another name`;
    return [{ path: [name], at: "key", message, kind: "shape", input: name }];
  }
  const connector = connectorTypes.find((candidate) => candidate.name === type);
  if (connector === undefined) {
    const names = connectorTypes.map((candidate) => candidate.name);
    const hint = didYouMean(type, names) || `; known are ${listWords(names)}`;
    const message = `${name}.type: unknown connector type "${type}"${hint}`;
    return [{ path: [name, "type"], at: "value", message, kind: "shape", input: type }];
  }
  const faults = referenceFaults(name, config);
  if (faults.length > 0) return faults;
  return settledFaults(configFaults(name, connector, config));
}

/** A schema that computes (a URL's parts, say) may throw on a text that is not resolved yet. */
function configFaults(name: string, connector: Connector, config: Record<string, unknown>): SchemaFault[] {
  try {
    const { common, own } = splitConnectorKeys(config);
    return [
      checkSchema(connector.configSchema, own, [name]),
      checkSchema(commonConnectorSchema, common, [name]),
    ]
      .flatMap((result) => "faults" in result ? result.faults : []);
  } catch (error) {
    if (isStillOpen(config)) return [];
    const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
    return [{ path: [name], at: "key", message, kind: "format", input: config }];
  }
}
