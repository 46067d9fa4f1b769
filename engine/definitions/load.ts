import type { Connector } from "../../contract/connector/connector.ts";
import type { Fault } from "../../text/fault.ts";
import { BUILT_IN_CONNECTORS } from "../../contract/pipeline/scripts.ts";
import { splitPlacedName } from "../../contract/environments/pipeline_name.ts";
import { nameFault } from "../../contract/names.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { PipelineContext } from "./check_pipeline_connectors.ts";
import {
  CONNECTORS_FILE,
  NO_CONNECTORS,
  parseConnectors,
  type ParsedConnectors,
} from "./parse_connectors.ts";
import { placedPipelines } from "./environments/placed_pipelines.ts";
import { environmentFaults, requireEnvironment } from "./environments/project_environments.ts";
import type { ParsedNotifiers } from "./notifiers/parse_notifiers.ts";
import { loadNotifiers } from "./notifiers/read_notifiers.ts";
import { type LoadedPipeline, namedConnectors, parsePipeline } from "./parse_pipeline.ts";
import { SEEDS_FOLDER } from "../../sql/language/files/kinds.ts";
import { loadModels, unusedModels } from "./project/model_folder.ts";
import { ruleFaults } from "./project/pii_faults.ts";
import { loadProjectFile, type ParsedProject } from "./project/project_file.ts";
import { loadSharedSql, type SharedSql, unusedSharedSql } from "./project/shared_sql.ts";
import { type FileCache, ProjectFiles } from "./read_files.ts";
import { scriptsOfConnectors } from "./scripts/connector_scripts.ts";
import { loadStreamSchemas, type StreamSchemas } from "./stream_schemas/schemas_file.ts";
import { NO_SCRIPTS, readScripts } from "./scripts/read_scripts.ts";
import type { ScriptBundles, ScriptsOfProject } from "./scripts/script_bundles.ts";

/** Everything that a project's files say. A fault in one pipeline leaves the others as they are. */
export interface LoadedProject {
  /** The connectors without a fault, references not resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** Where their values stand. */
  readonly connectorPlace: ParsedConnectors["place"];
  /** What notifiers.yaml says. */
  readonly notifiers: ParsedNotifiers;
  /** What project.yaml says. */
  readonly project: ParsedProject;
  /** By name. */
  readonly pipelines: readonly LoadedPipeline[];
  /** Those of connectors.yaml, notifiers.yaml, project.yaml and of the project as a whole; each pipeline has its own. */
  readonly faults: readonly Fault[];
  /** What keeps pipelines out of the project's environments; it keeps them from nothing else. */
  readonly placeFaults: readonly Fault[];
  /** False where pipelines/ could not be read: what is missing is not known to be gone. */
  readonly isWhole: boolean;
  /** The environment that the pipelines were read for, and are named by; null for production. */
  readonly environment: string | null;
}

export interface LoadOptions {
  readonly connectorTypes: readonly Connector[];
  /** Bundles the scripts that pipelines name; without it nobody looks at them. */
  readonly scripts?: ScriptBundles | undefined;
  /** Of earlier readings, see ProjectFiles. */
  readonly cache?: FileCache;
  /** A pipeline of which it is known that it would be read as it was. */
  readonly unchanged?: (name: string) => LoadedPipeline | undefined;
  /** Reads the pipelines as they are in this environment; in production by default. */
  readonly environment?: string | null | undefined;
}

/**
 * Reads connectors.yaml, notifiers.yaml, project.yaml, pipelines/*.yaml, transforms/<folder>/, macros/ and scripts/. Throws not_found where
 * there is no such folder or environment, invalid for an environment with faults; everything else that is wrong with the
 * files is a fault with its place.
 */
export async function loadProject(
  projectDir: string,
  { connectorTypes, scripts, cache, unchanged, environment: name = null }: LoadOptions,
): Promise<LoadedProject> {
  const files = await ProjectFiles.open(projectDir, cache);
  const connectors = await loadConnectors(files, connectorTypes);
  const notifiers = await loadNotifiers(files);
  const project = await loadProjectFile(files);
  const shared = await loadSharedSql(files);
  const named = [
    ...Object.keys(connectors.connectors),
    ...connectors.broken,
    ...Object.keys(BUILT_IN_CONNECTORS),
  ];
  const faults: Fault[] = [
    ...connectors.faults,
    ...notifiers.faults,
    ...project.faults,
    ...shared.faults,
    ...(connectors.isReadable ? [...ruleFaults(project, named), ...environmentFaults(project, named)] : []),
  ];
  const environment = name === null ? undefined : requireEnvironment(project, name);
  const context: PipelineContext = { connectors, connectorTypes, notifiers, project, shared, environment };
  const bundles = scripts?.of(files);

  const pipelines: LoadedPipeline[] = [];
  const pathByName = new Map<string, string>();
  const entries = await files.list("pipelines") ?? [];
  if ("fault" in entries) {
    return {
      connectors: connectors.connectors,
      connectorPlace: connectors.place,
      notifiers,
      project,
      pipelines,
      faults: [...faults, entries.fault],
      placeFaults: [],
      isWhole: false,
      environment: name,
    };
  }
  for (const entry of entries) {
    const path = `pipelines/${entry.name}`;
    const match = /^(.+)\.ya?ml$/.exec(entry.name);
    if (match === null || entry.isFolder) {
      if (entry.isFolder || !/\.(?:ya?ml|json)$/i.test(entry.name)) continue;
      const message = "is not read: a pipeline's file ends in .yaml or .yml, in small letters";
      faults.push({ ...fault(path, message), severity: "warning" });
      continue;
    }
    const written = match[1] ?? "";
    const first = pathByName.get(written);
    if (first !== undefined) {
      faults.push(fault(path, `pipeline "${written}" is in ${first} already: remove one of the two`));
      continue;
    }
    pathByName.set(written, path);
    const known = unchanged?.(written);
    if (known !== undefined) {
      pipelines.push(known);
      continue;
    }
    const pipeline = withNameFault(await loadPipeline(files, written, path, context, bundles));
    pipelines.push(withSchemas(pipeline, await loadStreamSchemas(files, written)));
  }
  faults.push(...await unusedModels(files, pipelines), ...unusedSql(shared, pipelines));
  const placed = placedPipelines(pipelines, context);
  return {
    connectors: connectors.connectors,
    connectorPlace: connectors.place,
    notifiers,
    project,
    pipelines: placed.pipelines,
    faults,
    placeFaults: placed.faults,
    isWhole: true,
    environment: name,
  };
}

/** Nothing where a pipeline cannot be read: it may use anything. */
function unusedSql(shared: SharedSql, pipelines: readonly LoadedPipeline[]): Fault[] {
  if (pipelines.some(({ sketch }) => sketch === undefined)) return [];
  return unusedSharedSql(
    shared,
    pipelines.flatMap(({ files, text }) => [
      // What a seed's own files say of it is no use of it.
      ...files.filter(({ path }) => !path.startsWith(`${SEEDS_FOLDER}/`)).map(({ content }) => content),
      text,
    ]),
  );
}

function withSchemas(pipeline: LoadedPipeline, schemas: StreamSchemas | undefined): LoadedPipeline {
  if (schemas === undefined) return pipeline;
  return { ...pipeline, schemas, faults: [...pipeline.faults, ...schemas.faults] };
}

/** Of a name that is refused the first fault says so. */
function withNameFault(pipeline: LoadedPipeline): LoadedPipeline {
  const { name, path, faults } = pipeline;
  const wrong = nameFault("pipeline", name);
  if (wrong === undefined) return pipeline;
  return {
    ...pipeline,
    faults: [fault(path, `the file's name is the pipeline's name: ${wrong}`), ...faults],
  };
}

/** The project, where a pipeline that is in force goes on, with a warning, under a name that is refused today. */
export function keepNames(project: LoadedProject, inForce: ReadonlySet<string>): LoadedProject {
  const pipelines = project.pipelines.map((pipeline): LoadedPipeline => {
    const { name, faults: [refused, ...others] } = pipeline;
    if (
      refused === undefined || !inForce.has(name) ||
      nameFault("pipeline", splitPlacedName(name).pipeline) === undefined
    ) {
      return pipeline;
    }
    return { ...pipeline, faults: [{ ...refused, severity: "warning" }, ...others] };
  });
  return { ...project, pipelines };
}

async function loadConnectors(
  project: ProjectFiles,
  connectorTypes: readonly Connector[],
): Promise<ParsedConnectors> {
  const file = await project.read(CONNECTORS_FILE);
  if (file === undefined) return NO_CONNECTORS;
  if ("fault" in file) return { ...NO_CONNECTORS, isReadable: false, faults: [file.fault] };
  return parseConnectors(file.text, connectorTypes);
}

async function loadPipeline(
  project: ProjectFiles,
  name: string,
  path: string,
  context: PipelineContext,
  scripts: ScriptsOfProject | undefined,
): Promise<LoadedPipeline> {
  const file = await project.read(path) ?? { fault: fault(path, "was removed while it was read") };
  if ("fault" in file) {
    const faults = [file.fault];
    return {
      name,
      path,
      text: "",
      definition: undefined,
      files: [],
      scripts: [],
      connectors: {},
      faults,
      sketch: undefined,
      connectorPlace: context.connectors.place,
      place: () => ({ file: path }),
    };
  }
  return await parsePipeline(
    { name, path, definition: file.text },
    (folder) => loadModels(project, folder),
    context,
    (definition) => {
      if (scripts === undefined) return NO_SCRIPTS;
      const { connectors: { connectors, place }, connectorTypes } = context;
      const named = namedConnectors(definition, connectors);
      return readScripts(project, definition, scripts, scriptsOfConnectors(named, connectorTypes, place));
    },
  );
}

function fault(file: string, message: string): Fault {
  return { file, line: 1, column: 1, message, severity: "error" };
}
