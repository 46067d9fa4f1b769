import * as v from "valibot";
import type { Connector } from "../../contract/connector/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { boundFaults, type Fault, type SourcePlace } from "../../text/fault.ts";
import { nameSchema } from "../../contract/names.ts";
import {
  commonConnectorSchema,
  type ConnectorDefinition,
  splitConnectorKeys,
} from "../../contract/connector/entry.ts";
import { BUILT_IN_CONNECTORS } from "../../contract/pipeline/scripts.ts";
import type { PipelineFault } from "./check_pipeline.ts";
import { hasReference, parseReferences, visitTexts } from "../grants/references.ts";
import { checkSchema, isCut, type SchemaFault } from "../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import { type DocumentPath, parseYamlDocument, type YamlDocument } from "../../text/yaml_document.ts";

export const CONNECTORS_FILE = "connectors.yaml";

export interface ParsedConnectors {
  /** Those without a fault, references not resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** Names of those that are there but have a fault. */
  readonly broken: ReadonlySet<string>;
  /** False where the file as a whole could not be read: then no name is known. */
  readonly isReadable: boolean;
  readonly faults: readonly Fault[];
  /** Where the entry at a path stands, as `["shop", "url"]`; its value where it has one. */
  place(path: DocumentPath): SourcePlace;
}

export const NO_CONNECTORS: ParsedConnectors = {
  connectors: {},
  broken: new Set(),
  isReadable: true,
  faults: [],
  place: () => ({ file: CONNECTORS_FILE }),
};

/** The shape of connectors.yaml, before each entry meets the schema of its type. */
const connectorsSchema = v.record(nameSchema("connector"), v.looseObject({ type: v.string() }));

/** Reads the text of connectors.yaml. Never throws for what a user wrote. */
export function parseConnectors(
  text: string,
  connectorTypes: readonly Connector[],
  file = CONNECTORS_FILE,
): ParsedConnectors {
  const document = parseYamlDocument(text, file);
  if (document.value === undefined) return { ...NO_CONNECTORS, isReadable: false, faults: document.faults };
  const { $schema: _schema, ...entries } = isRecord(document.value) ? document.value : {};
  const value = isRecord(document.value) ? entries : document.value;

  const connectors: Record<string, ConnectorDefinition> = {};
  const broken = new Set<string>();
  const all: SchemaFault[] = [];
  const report = (found: readonly SchemaFault[]) => {
    for (const fault of found) {
      all.push(fault);
      if (fault.path[0] !== undefined) broken.add(String(fault.path[0]));
    }
  };

  const shape = checkSchema(connectorsSchema, value);
  if ("faults" in shape) {
    report(shape.faults);
    // Of the faults that are not told nobody knows whose they are.
    if (broken.size === 0 || isCut(shape.faults)) {
      return { ...NO_CONNECTORS, isReadable: false, faults: placedFaults(document, all) };
    }
  }
  for (const [name, entry] of Object.entries(isRecord(value) ? value : {})) {
    if (broken.has(name) || !isConnectorDefinition(entry)) continue;
    const found = checkConnector(name, entry, connectorTypes);
    if (found.length === 0) connectors[name] = entry;
    else report(found);
  }
  return {
    connectors,
    broken,
    isReadable: true,
    faults: placedFaults(document, all),
    place: document.valuePlace,
  };
}

/** Finding a place takes longer the larger the file is: it is done for those that are shown. */
function placedFaults(document: YamlDocument, all: readonly SchemaFault[]): Fault[] {
  const errors = all.map(({ path, at, message }): PipelineFault => ({
    path,
    at,
    message,
    severity: "error",
  }));
  const shown = boundFaults<PipelineFault>(
    errors,
    (message, severity) => ({ path: [], at: "key", message, severity }),
  );
  return shown.map((fault) => ({
    ...placeOf(document, fault),
    message: fault.message,
    severity: fault.severity,
  }));
}

/** Where a schema's fault stands in the document. */
export function placeOf(document: YamlDocument, fault: { path: DocumentPath; at: "key" | "value" }) {
  return fault.at === "key" ? document.place(fault.path) : document.valuePlace(fault.path);
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
  const faults = checkReferences(name, config);
  if (faults.length > 0) return faults;
  return configFaults(name, connector, config).filter((fault) =>
    !(fault.kind === "format" && isStillOpen(fault.input))
  );
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

function checkReferences(name: string, config: Record<string, unknown>): SchemaFault[] {
  const faults: SchemaFault[] = [];
  visitTexts(config, (text, path) => {
    try {
      parseReferences(text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const message = `${[name, ...path].join(".")}: ${error.message}`;
      faults.push({ path: [name, ...path], at: "value", message, kind: "format", input: text });
    }
  });
  return faults;
}

/** Whether the value waits for a reference: its format shows only when the run resolves it. */
function isStillOpen(value: unknown): boolean {
  let found = false;
  visitTexts(value, (text) => {
    found ||= hasReference(text);
  });
  return found;
}

function isConnectorDefinition(value: unknown): value is ConnectorDefinition {
  return isRecord(value) && typeof value["type"] === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
