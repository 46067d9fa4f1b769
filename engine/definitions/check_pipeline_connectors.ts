import type { GenericSchema } from "valibot";
import { parseTarget } from "../../connectors/parse.ts";
import type { Connector } from "../../contract/connector/connector.ts";
import { type LoadDefinition, loadShapeOf, loadTargets } from "../../contract/pipeline/load.ts";
import {
  LOAD_KEYS,
  ownKeys,
  type PipelineDefinition,
  STREAM_KEYS,
} from "../../contract/pipeline/pipeline.ts";
import type { StreamDefinition } from "../../contract/pipeline/stream.ts";
import { type SensorDefinition, sensorKey } from "../../contract/triggers/sensors.ts";
import { BUILT_IN_CONNECTORS } from "../../contract/pipeline/scripts.ts";
import type { PipelineFault } from "./check_pipeline.ts";
import type { Environment } from "./environments/derive.ts";
import type { KnownNotifiers } from "./notifiers/check_notify.ts";
import type { ParsedProject } from "./project/project_file.ts";
import type { SharedSql } from "./project/shared_sql.ts";
import { CONNECTORS_FILE, type ParsedConnectors } from "./parse_connectors.ts";
import { checkSchema, pathText, schemaKeys } from "../../text/schema_faults.ts";
import { didYouMean, listWords } from "../../text/suggest.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";

/** What a pipeline may refer to. */
export interface PipelineContext {
  readonly connectors: ParsedConnectors;
  readonly connectorTypes: readonly Connector[];
  /** Who can be told of runs; without them nobody looks at `notify`. */
  readonly notifiers?: KnownNotifiers;
  /** What project.yaml says. */
  readonly project?: ParsedProject;
  /** What the pipelines are read for; for production without. */
  readonly environment?: Environment | undefined;
  /** The project's macros and seeds. */
  readonly shared?: SharedSql;
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
  for (const [index, sensor] of (definition.sensors ?? []).entries()) {
    faults.push(...checkSensor(["sensors", index], sensor, context));
  }
  return [...faults, ...sameSensors(definition.sensors ?? [])];
}

function checkSensor(
  path: DocumentPath,
  sensor: SensorDefinition,
  context: PipelineContext,
): PipelineFault[] {
  const found = findConnector([...path, "connector"], sensor.connector, context);
  if ("fault" in found) return [found.fault];
  const { connector: { name, hasFiles } } = found;
  if (hasFiles === true) return [];
  const others = context.connectorTypes.filter((type) => type.hasFiles === true);
  const message = `"${sensor.connector}" (${name}) has no files that could be waited for; ` +
    `${listWords(others.map(({ name }) => name))} have`;
  return [error([...path, "connector"], "value", message)];
}

/** Two would start two runs of one file. */
function sameSensors(sensors: readonly SensorDefinition[]): PipelineFault[] {
  const keys = sensors.map(sensorKey);
  return keys.flatMap((key, index) =>
    keys.indexOf(key) === index
      ? []
      : [error(["sensors", index, "path"], "value", `is the same as sensors[${keys.indexOf(key)}]`)]
  );
}

function checkStream(
  path: DocumentPath,
  stream: StreamDefinition,
  context: PipelineContext,
): PipelineFault[] {
  const found = findConnector([...path, "connector"], stream.connector, context);
  if ("fault" in found) return [found.fault];
  const { connector } = found;
  if (connector.streamSchema === undefined) {
    const message = `"${stream.connector}" (${connector.name}) can only be written to`;
    return [error([...path, "connector"], "value", message)];
  }
  const faults: PipelineFault[] = [];
  if (stream.mode === "cdc" && connector.followsChanges !== true) {
    const others = context.connectorTypes.filter((type) => type.followsChanges === true);
    const message =
      `"${stream.connector}" (${connector.name}) has no log of changes that could be followed; ` +
      `${listWords(others.map(({ name }) => name))} can`;
    faults.push(error([...path, "mode"], "value", message));
  }
  const own = checkOwnKeys(path, stream, {
    schema: connector.streamSchema,
    common: STREAM_KEYS,
    shown: `"${stream.connector}" (${connector.name})`,
    others: context.connectorTypes.flatMap((type) => type.streamSchema ?? []),
  });
  return [...faults, ...own];
}

function checkLoad(path: DocumentPath, load: LoadDefinition, context: PipelineContext): PipelineFault[] {
  const found = findConnector([...path, "connector"], load.connector, context);
  if ("fault" in found) return [found.fault];
  const { connector } = found;
  const shown = `"${load.connector}" (${connector.name})`;
  if (connector.loadSchema === undefined || connector.loadModes.length === 0) {
    return [error([...path, "connector"], "value", `${shown} can only be read from`)];
  }
  const faults: PipelineFault[] = [];
  if (!connector.loadModes.includes(load.mode)) {
    const message = `${shown} does not offer mode ${load.mode}: use ${listWords(connector.loadModes, "or")}`;
    faults.push(error([...path, "mode"], "value", message));
  }
  if (load.max_rejects !== 0 && connector.mayRejectRows !== true) {
    const message = `${shown} takes all rows of a load or none: leave max_rejects out`;
    faults.push(error([...path, "max_rejects"], "key", message));
  }
  const own = checkOwnKeys(path, load, {
    schema: connector.loadSchema,
    common: LOAD_KEYS,
    shown,
    others: context.connectorTypes.flatMap((type) => type.loadSchema ?? []),
  });
  if (faults.length > 0 || own.length > 0) return [...faults, ...own];
  if (load.verify) {
    const back = connector.readBack?.(parseTarget(connector, load)) ?? "nothing reads what it writes";
    if (typeof back === "string") {
      const message = `${shown} cannot read back exactly what it loads there: ${back}`;
      return [error([...path, "verify"], "value", message)];
    }
  }
  if (connector.refusesLoad === undefined) return [];
  const refused = connector.refusesLoad(parseTarget(connector, load), loadShapeOf(load, 0));
  return refused === undefined ? [] : [error([...path, "mode"], "value", refused)];
}

interface OwnKeys {
  readonly schema: GenericSchema;
  /** Keys that streams or loads have whatever their connector is. */
  readonly common: readonly string[];
  /** The connector, for messages. */
  readonly shown: string;
  /** The same schema of each connector. */
  readonly others: readonly GenericSchema[];
}

/** The keys that belong to the connector, against its own schema. */
function checkOwnKeys(
  path: DocumentPath,
  definition: StreamDefinition | LoadDefinition,
  { schema, common, shown, others }: OwnKeys,
): PipelineFault[] {
  const known = schemaKeys(schema);
  const own = Object.entries(ownKeys(definition));
  const unknown = own.map(([key]) => key).filter((key) => !known.includes(key));
  const result = checkSchema(schema, Object.fromEntries(own.filter(([key]) => known.includes(key))), path);
  const addresses = known.filter((key) => !common.includes(key));
  const ofOthers = new Set(others.flatMap(schemaKeys));
  const strangers = unknown.map((key) => {
    if (ofOthers.has(key)) {
      const message = `${shown} does not understand ${key}: use ${listWords(addresses, "or")}`;
      return error([...path, key], "key", message);
    }
    const all = [...common, ...addresses];
    return error(
      [...path, key],
      "key",
      `unknown key${didYouMean(key, all) || `; it can have ${listWords(all)}`}`,
    );
  });
  const faults = "faults" in result
    ? result.faults.map(({ path, at, message }): PipelineFault => ({ path, at, message, severity: "error" }))
    : [];
  // A key that is not understood says already why the address is missing.
  const isEcho = strangers.length > 0;
  return [...strangers, ...faults.filter((fault) => !isEcho || fault.path.length > path.length)];
}

function findConnector(
  path: DocumentPath,
  name: string,
  { connectors, connectorTypes }: PipelineContext,
): { readonly connector: Connector } | { readonly fault: PipelineFault } {
  const isBuiltIn = Object.hasOwn(BUILT_IN_CONNECTORS, name);
  if (!isBuiltIn && (!connectors.isReadable || connectors.broken.has(name))) {
    const what = connectors.isReadable ? `"${name}" has a fault there` : "it has faults";
    return { fault: error(path, "value", `see ${CONNECTORS_FILE}: ${what}`) };
  }
  const known = { ...connectors.connectors, ...BUILT_IN_CONNECTORS };
  const definition = Object.hasOwn(known, name) ? known[name] : undefined;
  const connector = connectorTypes.find((candidate) => candidate.name === definition?.type);
  if (connector !== undefined) return { connector };
  const names = [...Object.keys(connectors.connectors), ...connectors.broken];
  const hint = didYouMean(name, names) || `; ${CONNECTORS_FILE} has ${listWords(names)}`;
  return { fault: error(path, "value", `unknown connector "${name}"${hint}`) };
}

function error(path: DocumentPath, at: "key" | "value", message: string): PipelineFault {
  return { path, at, message: `${pathText(path)}: ${message}`, severity: "error" };
}
