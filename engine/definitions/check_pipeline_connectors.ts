import type { Connector, StreamAddress } from "../../contract/connector.ts";
import {
  type LoadDefinition,
  loadTargets,
  type PipelineDefinition,
  type StreamDefinition,
} from "../../contract/pipeline.ts";
import type { PipelineFault } from "./check_pipeline.ts";
import { CONNECTORS_FILE, type ParsedConnectors } from "./parse_connectors.ts";
import { checkSchema, pathText } from "../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";

/** What a pipeline may refer to. */
export interface PipelineContext {
  readonly connectors: ParsedConnectors;
  readonly connectorTypes: readonly Connector[];
}

/** What streams and loads ask of their connectors, against what those offer. */
export function checkPipelineConnectors(
  definition: PipelineDefinition,
  context: PipelineContext,
): PipelineFault[] {
  const faults: PipelineFault[] = [];
  for (const [name, stream] of Object.entries(definition.extract)) {
    faults.push(...checkStream(["extract", name], stream, context));
  }
  for (const [name, load] of Object.entries(definition.load)) {
    for (const [index, target] of loadTargets(load).entries()) {
      faults.push(
        ...checkLoad(Array.isArray(load) ? ["load", name, index] : ["load", name], target, context),
      );
    }
  }
  return faults;
}

function checkStream(
  path: DocumentPath,
  stream: StreamDefinition,
  context: PipelineContext,
): PipelineFault[] {
  const found = findConnector([...path, "connector"], stream.connector, context);
  if ("fault" in found) return [found.fault];
  const { connector } = found;
  const address = addressOf(stream);
  const faults: PipelineFault[] = [];
  if (connector.streamAddresses.length === 0) {
    const message = `"${stream.connector}" (${connector.name}) can only be written to`;
    return [error([...path, "connector"], "value", message)];
  }
  if (!connector.streamAddresses.includes(address)) {
    const message = `"${stream.connector}" (${connector.name}) does not understand ${address}: use ` +
      listWords(connector.streamAddresses, "or");
    faults.push(error([...path, address], "key", message));
  }
  return [...faults, ...checkOptions(path, connector.streamOptionsSchema, stream.options)];
}

function checkLoad(path: DocumentPath, load: LoadDefinition, context: PipelineContext): PipelineFault[] {
  const found = findConnector([...path, "connector"], load.connector, context);
  if ("fault" in found) return [found.fault];
  const { connector } = found;
  const faults: PipelineFault[] = [];
  if (connector.loadModes.length === 0) {
    const message = `"${load.connector}" (${connector.name}) can only be read from`;
    return [error([...path, "connector"], "value", message)];
  }
  if (!connector.loadModes.includes(load.mode)) {
    const message = `"${load.connector}" (${connector.name}) does not offer mode ${load.mode}: use ` +
      listWords(connector.loadModes, "or");
    faults.push(error([...path, "mode"], "value", message));
  }
  const [written, wanted] = load.path === undefined ? ["table", "path"] : ["path", "table"];
  if (!connector.streamAddresses.includes(written === "path" ? "path" : "stream")) {
    const message = `"${load.connector}" (${connector.name}) does not understand ${written}: use ${wanted}`;
    faults.push(error([...path, written], "key", message));
  }
  return [...faults, ...checkOptions(path, connector.loadOptionsSchema, load.options)];
}

function checkOptions(
  path: DocumentPath,
  schema: Connector["streamOptionsSchema"],
  options: Readonly<Record<string, unknown>>,
): PipelineFault[] {
  const result = checkSchema(schema, options, [...path, "options"]);
  if (!("faults" in result)) return [];
  return result.faults.map((fault) => ({
    path: fault.path,
    at: fault.at,
    message: fault.message,
    severity: "error",
  }));
}

function findConnector(
  path: DocumentPath,
  name: string,
  { connectors, connectorTypes }: PipelineContext,
): { readonly connector: Connector } | { readonly fault: PipelineFault } {
  if (!connectors.isReadable || connectors.broken.has(name)) {
    const what = connectors.isReadable ? `"${name}" has a fault there` : "it has faults";
    return { fault: error(path, "value", `see ${CONNECTORS_FILE}: ${what}`) };
  }
  const definition = Object.hasOwn(connectors.connectors, name) ? connectors.connectors[name] : undefined;
  const connector = connectorTypes.find((candidate) => candidate.name === definition?.type);
  if (connector !== undefined) return { connector };
  const names = [...Object.keys(connectors.connectors), ...connectors.broken];
  const hint = didYouMean(name, names) || `; ${CONNECTORS_FILE} has ${listWords(names)}`;
  return { fault: error(path, "value", `unknown connector "${name}"${hint}`) };
}

function addressOf(stream: StreamDefinition): StreamAddress {
  if (stream.stream !== undefined) return "stream";
  return stream.query !== undefined ? "query" : "path";
}

function error(path: DocumentPath, at: "key" | "value", message: string): PipelineFault {
  return { path, at, message: `${pathText(path)}: ${message}`, severity: "error" };
}
