import * as v from "valibot";
import { filledDefinition, sampleParams } from "../../connectors/pipeline_params.ts";
import { boundFaults, type Fault, type SourcePlace } from "../../text/fault.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import { childTablesOf } from "../../contract/pipeline/child_tables.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import { type PipelineDefinition, pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import { schedulesOf } from "../../contract/pipeline/schedule.ts";
import { withReadPipelines } from "../../contract/triggers/after.ts";
import { BUILT_IN_CONNECTORS, withBuiltInConnectors } from "../../contract/pipeline/scripts.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import { checkPipelineConnectors, type PipelineContext } from "./check_pipeline_connectors.ts";
import {
  checkNames,
  checkParents,
  checkReservedKeys,
  checkTexts,
  checkWhere,
  checkWildcardLoads,
  type ModelFiles,
  type PipelineFault,
} from "./check_pipeline.ts";
import { checkStreamColumns } from "./check_stream_columns.ts";
import { checkParams } from "./check_params.ts";
import { checkNotify } from "./notifiers/check_notify.ts";
import { checkSchedule } from "./check_schedule.ts";
import { checkWebhooks } from "./check_webhooks.ts";
import { placeOf } from "./named_entries.ts";
import type { PiiRules } from "../../contract/lineage/pii.ts";
import { type DerivedDefinition, deriveDefinition, withDefaults } from "./environments/derive.ts";
import { NO_PROJECT_FILE, type ParsedProject } from "./project/project_file.ts";
import { NO_SHARED_SQL, usedSharedSql } from "./project/shared_sql.ts";
import { withVariables } from "./project/variables.ts";
import { refuseScripts, type ScriptFiles } from "./scripts/read_scripts.ts";
import type { StreamSchemas } from "./stream_schemas/schemas_file.ts";
import { type PipelineSketch, type SalvagedDefinition, salvageDefinition } from "./sketch.ts";
import { checkSchema, pathText } from "../../text/schema_faults.ts";
import { tablesMadeBy } from "../../sql/language/files/kinds.ts";
import { variableNames } from "../../sql/language/scan_sql.ts";
import { type DocumentPath, parseYamlDocument } from "../../text/yaml_document.ts";

/** A pipeline as it was read: whole, or with the faults that keep it from running. */
export interface LoadedPipeline {
  readonly name: string;
  /** Its file, relative to the project. */
  readonly path: string;
  /** What is in it. */
  readonly text: string;
  /** As its file has it, where that can be read; `definition` is it unless it is read for an environment. */
  readonly production?: PipelineDefinition;
  /** `undefined` where its text or its shape is wrong. */
  readonly definition: PipelineDefinition | undefined;
  /** Its models, in order of their paths, and what they use of the project's macros. */
  readonly files: readonly RevisionFile[];
  /** What its scripts are made of: their bundles and their own modules. */
  readonly scripts: readonly RevisionFile[];
  /** The connectors that it names, references not resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  readonly faults: readonly Fault[];
  /** What schemas/<pipeline>.yaml says of its streams; absent where there is none. */
  readonly schemas?: StreamSchemas;
  /** Where the project lets personal data go; anywhere where it says nothing. */
  readonly piiRules?: PiiRules | undefined;
  /** What can be checked of it; undefined where its text cannot be read. */
  readonly sketch: PipelineSketch | undefined;
  /** Where the entry at a path of connectors.yaml stands, as `["shop", "url"]`. */
  connectorPlace(path: DocumentPath): SourcePlace;
  /** Where the entry at a path of the definition stands, as `["extract", "orders", "mode"]`. */
  place(path: DocumentPath): SourcePlace;
}

/**
 * Reads one definition, from a file or from the API: YAML or JSON text, or its value. `modelsOf`
 * returns the models of a folder in transforms/, `scriptsOf` the scripts that the definition names: without it
 * there are none. Never throws for what a user wrote.
 */
export async function parsePipeline(
  source: {
    readonly name: string;
    readonly path: string;
    readonly definition: string | Record<string, unknown>;
  },
  modelsOf: (folder: string) => ModelFiles | Promise<ModelFiles>,
  context: PipelineContext,
  scriptsOf: (definition: PipelineDefinition) => ScriptFiles | Promise<ScriptFiles> = refuseScripts,
): Promise<LoadedPipeline> {
  const { name, path } = source;
  const text = typeof source.definition === "string"
    ? source.definition
    : JSON.stringify(source.definition, null, 2);
  const document = parseYamlDocument(text, path);
  const place = document.place;
  const broken: LoadedPipeline = {
    name,
    path,
    text,
    definition: undefined,
    files: [],
    scripts: [],
    connectors: {},
    faults: document.faults,
    sketch: undefined,
    piiRules: context.project?.piiRules,
    connectorPlace: context.connectors.place,
    place,
  };
  const filesOf = async (folder: string): Promise<ModelFiles> => {
    const models = await modelsOf(folder);
    // Checks of streams stand in the definition.
    const texts = [...models.files.map(({ content }) => content), text];
    const shared = usedSharedSql(context.shared ?? NO_SHARED_SQL, texts, tablesMadeBy(models.files));
    return { ...models, files: [...models.files, ...shared] };
  };
  const whole = async (written: SalvagedDefinition, shapeFaults: readonly Fault[] = []) => {
    const models = await filesOf(written.definition.transform ?? name);
    const sql = [...models.files.map(({ content }) => content), text];
    const derived = placedIn(written.definition, context);
    const given = withVariables(derived.definition, sql, variablesOf(context));
    const { definition } = given;
    const salvaged = { ...written, definition, params: [...written.params, ...given.unknown] };
    // Of a part the warnings say little: it may have nothing to do for what was left out.
    const scripts = await scriptsOf(definition);
    const found = [
      ...faultsOf(document.value, salvaged, models, context),
      ...derived.faults,
      ...given.faults,
      ...scripts.faults,
    ]
      .filter(({ severity }) => severity === "error" || shapeFaults.length === 0);
    const shown = boundFaults<PipelineFault>(
      found,
      (message, severity) => ({ path: [], at: "key", message, severity }),
    );
    const faults = shown.map((fault) => ({
      ...placeOf(document, fault),
      message: fault.message,
      severity: fault.severity,
    }));
    return {
      ...broken,
      production: written.definition,
      definition: shapeFaults.length === 0 ? definition : undefined,
      files: models.files,
      scripts: scripts.files,
      connectors: namedConnectors(definition, context.connectors.connectors),
      faults: [...shapeFaults, ...faults, ...models.faults, ...scripts.fileFaults].sort(byPlace),
      sketch: sketchOf(salvaged, models, found, scripts.brokenConnectors),
    };
  };
  if (document.value === undefined) return { ...broken, ...unreadSketch(await filesOf(name)) };
  const shape = checkSchema(pipelineSchema, withReadPipelines(withBuiltInConnectors(document.value)));
  if ("faults" in shape) {
    const faults = shape.faults.map((fault): Fault => ({
      ...placeOf(document, fault),
      message: fault.message,
      severity: "error",
    }));
    const salvaged = salvageDefinition(document.value, shape.faults);
    if (salvaged === undefined) return { ...broken, faults };
    return await whole(salvaged, faults);
  }
  return await whole({ definition: shape.output, streams: [], params: [] });
}

/** The definition as it is in the environment that it is read for. */
function placedIn(written: PipelineDefinition, context: PipelineContext): DerivedDefinition {
  const { environment, connectorTypes, connectors: { connectors } } = context;
  if (environment === undefined) return { definition: written, faults: [] };
  return deriveDefinition(written, { environment, connectorTypes, connectors });
}

/** The project's variables as the environment has them. */
function variablesOf({ project = NO_PROJECT_FILE, environment }: PipelineContext): ParsedProject {
  const given = environment?.definition.variables;
  return given === undefined ? project : { ...project, variables: withDefaults(project.variables, given) };
}

/** What is wrong with a definition whose shape is right, or with what was salvaged of it. */
function faultsOf(
  written: unknown,
  { definition, streams, params }: SalvagedDefinition,
  models: ModelFiles,
  context: PipelineContext,
): PipelineFault[] {
  const connectors = namedConnectors(definition, context.connectors.connectors);
  return [
    ...checkReservedKeys(written),
    ...scheduleFaults(definition),
    ...checkTexts(definition),
    ...checkWhere(definition),
    ...checkWildcardLoads(definition),
    ...checkParents(definition),
    ...checkWebhooks(definition),
    ...checkParams(definition, {
      types: context.connectorTypes,
      connectors,
      files: models.files,
      mutedParams: params,
    }),
    ...checkNames(definition, models),
    ...Object.entries(definition.extract).flatMap(([name, stream]) => checkStreamColumns(name, stream)),
    ...checkPipelineConnectors(shownToConnectors(definition, connectors, context), context),
    ...(context.notifiers === undefined ? [] : checkNotify(definition, context.notifiers)),
    // A stream that is a fault already lacks keys that it may have had.
  ].filter(({ path: [part, name] }) => part !== "extract" || !streams.includes(String(name)));
}

/** With values in the places of params, as far as that can be; what keeps it from being is a fault by itself. */
function shownToConnectors(
  definition: PipelineDefinition,
  connectors: Readonly<Record<string, ConnectorDefinition>>,
  { connectorTypes }: PipelineContext,
): PipelineDefinition {
  try {
    return filledDefinition(connectorTypes, { definition, connectors }, sampleParams(definition.params));
  } catch {
    return definition;
  }
}

/** Where the definition cannot be read, its models may name any stream and any variable. */
function unreadSketch(models: ModelFiles): Partial<LoadedPipeline> {
  if (models.files.length === 0) return {};
  const texts = models.files.map(({ content }) => content);
  const streams = texts.flatMap((text) =>
    [...text.matchAll(/\braw\s*\.\s*"?(\w+)/gi)].map(([, name = ""]) => name)
  );
  const params = texts.flatMap(variableNames);
  const definition = v.parse(pipelineSchema, {});
  return { files: models.files, sketch: sketchOf({ definition, streams, params }, models, []) };
}

/** What the check may do with the definition: streams and loads with an error are left alone. */
function sketchOf(
  { definition, streams, params }: SalvagedDefinition,
  models: ModelFiles,
  found: readonly PipelineFault[],
  brokenConnectors: readonly string[] = [],
): PipelineSketch {
  const namesIn = (part: string) =>
    found.flatMap(({ path, severity }) =>
      severity === "error" && path[0] === part && path[1] !== undefined ? [String(path[1])] : []
    );
  const unasked = Object.entries(definition.extract)
    .flatMap(([name, { connector }]) => brokenConnectors.includes(connector) ? [name] : []);
  const unread = Object.entries(definition.extract)
    .flatMap(([name, { enabled }]) => enabled === false ? [name] : []);
  return {
    definition,
    files: models.files,
    mutedStreams: new Set([...streams, ...namesIn("extract"), ...unasked, ...unread].flatMap((name) => [
      name,
      ...childTablesOf(name, definition.extract[name] ?? {}).map(({ table }) => table),
    ])),
    mutedLoads: new Set(namesIn("load")),
    mutedParams: params,
    refusedModels: models.refused,
  };
}

function scheduleFaults(definition: PipelineDefinition): PipelineFault[] {
  const isList = Array.isArray(definition.schedule);
  const schedules = schedulesOf(definition);
  return schedules.flatMap((schedule, index) => {
    const path: DocumentPath = isList ? ["schedule", index] : ["schedule"];
    return checkSchedule(schedule, schedules.length).map(({ key, message }): PipelineFault => ({
      path: key === undefined ? path : [...path, key],
      at: "value",
      message: `${pathText(key === undefined ? path : [...path, key])}: ${message}`,
      severity: "error",
    }));
  });
}

/** The entries of connectors.yaml that a definition names, and the connectors that every project has. */
export function namedConnectors(
  definition: PipelineDefinition,
  connectors: Readonly<Record<string, ConnectorDefinition>>,
): Record<string, ConnectorDefinition> {
  const names = new Set<string>();
  for (const stream of Object.values(definition.extract)) names.add(stream.connector);
  for (const load of Object.values(definition.load)) {
    for (const target of loadTargets(load)) names.add(target.connector);
  }
  return Object.fromEntries(
    [...names].sort().flatMap((name) => {
      const known = { ...connectors, ...BUILT_IN_CONNECTORS };
      const connector = Object.hasOwn(known, name) ? known[name] : undefined;
      return connector === undefined ? [] : [[name, connector]];
    }),
  );
}

function byPlace(a: Fault, b: Fault): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
