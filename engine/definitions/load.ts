import type { Connector } from "../../contract/connector/connector.ts";
import type { Fault } from "../../text/fault.ts";
import { nameFault } from "../../contract/names.ts";
import type { ConnectorDefinition } from "../../contract/connector/entry.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import { modelName } from "../../sql/language/model.ts";
import type { ModelFiles } from "./check_pipeline.ts";
import type { PipelineContext } from "./check_pipeline_connectors.ts";
import {
  CONNECTORS_FILE,
  NO_CONNECTORS,
  parseConnectors,
  type ParsedConnectors,
} from "./parse_connectors.ts";
import type { ParsedNotifiers } from "./notifiers/parse_notifiers.ts";
import { loadNotifiers } from "./notifiers/read_notifiers.ts";
import { type LoadedPipeline, namedConnectors, parsePipeline } from "./parse_pipeline.ts";
import { loadProjectFile, type ParsedProject } from "./project/project_file.ts";
import { ProjectFiles } from "./read_files.ts";
import { scriptsOfConnectors } from "./scripts/connector_scripts.ts";
import { NO_SCRIPTS, readScripts } from "./scripts/read_scripts.ts";
import type { ScriptBundles, ScriptsOfProject } from "./scripts/script_bundles.ts";
import { didYouMean } from "../../text/suggest.ts";

/** Everything that a project's files say. A fault in one pipeline leaves the others as they are. */
export interface LoadedProject {
  /** The connectors without a fault, references not resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** What notifiers.yaml says. */
  readonly notifiers: ParsedNotifiers;
  /** What project.yaml says. */
  readonly project: ParsedProject;
  /** By name. */
  readonly pipelines: readonly LoadedPipeline[];
  /** Those of connectors.yaml, notifiers.yaml, project.yaml and of the project as a whole; each pipeline has its own. */
  readonly faults: readonly Fault[];
  /** False where pipelines/ could not be read: what is missing is not known to be gone. */
  readonly isWhole: boolean;
}

export interface LoadOptions {
  readonly connectorTypes: readonly Connector[];
  /** Bundles the scripts that pipelines name; without it nobody looks at them. */
  readonly scripts?: ScriptBundles | undefined;
}

/**
 * Reads connectors.yaml, notifiers.yaml, project.yaml, pipelines/*.yaml, transforms/<folder>/*.sql and scripts/. Throws not_found where
 * there is no such folder; everything else that is wrong with the files is a fault with its place.
 */
export async function loadProject(
  projectDir: string,
  { connectorTypes, scripts }: LoadOptions,
): Promise<LoadedProject> {
  const files = await ProjectFiles.open(projectDir);
  const connectors = await loadConnectors(files, connectorTypes);
  const notifiers = await loadNotifiers(files);
  const project = await loadProjectFile(files);
  const faults: Fault[] = [...connectors.faults, ...notifiers.faults, ...project.faults];
  const context: PipelineContext = { connectors, connectorTypes, notifiers, project };
  const bundles = scripts?.of(files);

  const pipelines: LoadedPipeline[] = [];
  const pathByName = new Map<string, string>();
  const entries = await files.list("pipelines") ?? [];
  if ("fault" in entries) {
    return {
      connectors: connectors.connectors,
      notifiers,
      project,
      pipelines,
      faults: [...faults, entries.fault],
      isWhole: false,
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
    const name = match[1] ?? "";
    const first = pathByName.get(name);
    if (first !== undefined) {
      faults.push(fault(path, `pipeline "${name}" is in ${first} already: remove one of the two`));
      continue;
    }
    pathByName.set(name, path);
    pipelines.push(withNameFault(await loadPipeline(files, name, path, context, bundles)));
  }
  faults.push(...await unusedModels(files, pipelines));
  return { connectors: connectors.connectors, notifiers, project, pipelines, faults, isWhole: true };
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
    if (refused === undefined || !inForce.has(name) || nameFault("pipeline", name) === undefined) {
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

async function loadModels(project: ProjectFiles, folder: string): Promise<ModelFiles> {
  const base = `transforms/${folder}`;
  const entries = await project.list(base);
  if (entries === undefined) return { files: [], faults: [], refused: [], exists: false };
  if ("fault" in entries) return { files: [], faults: [entries.fault], refused: [], exists: true };
  if (!await project.hasFolder(base)) {
    const message = "leads out of the project by a symbolic link: copy the folder in";
    return { files: [], faults: [fault(base, message)], refused: [], exists: true };
  }
  const texts = new Map<string, string>();
  const faults: Fault[] = [];
  const unread: string[] = [];
  for (const { name, isFolder } of entries) {
    const path = `${base}/${name}`;
    if (isFolder) {
      const inner = await project.list(path) ?? [];
      if ("fault" in inner || !inner.some((entry) => entry.name.endsWith(".sql"))) continue;
      const message = `its models are not read: put them into ${base}/ itself`;
      faults.push({ ...fault(path, message), severity: "warning" });
    } else if (name.endsWith(".sql")) {
      const file = await project.read(path);
      if (file === undefined) continue;
      if ("fault" in file) {
        faults.push(file.fault);
        unread.push(modelName(name));
      } else texts.set(name, file.text);
    } else {
      const message = whyNotRead(name);
      if (message !== undefined) faults.push({ ...fault(path, message), severity: "warning" });
    }
  }
  const models = modelFiles(folder, texts);
  return {
    ...models,
    faults: [...faults, ...models.faults],
    refused: [...unread, ...models.refused],
  };
}

/** What is wrong with a file beside the models that looks as if it was meant for one; undefined for a note. */
function whyNotRead(name: string): string | undefined {
  if (/\.sql$/i.test(name)) return "is not read: a model's file ends in .sql, in small letters";
  if (/\.sql\.|\.(?:jinja2?|j2|sqlx|ddl|prql|py)$/i.test(name)) {
    return "is not read: a model is one SELECT in a file that ends in .sql";
  }
  if (/\.ya?ml$/i.test(name)) {
    return "is not read: what is known of a model, its columns and its checks, stands in the header of its SQL file";
  }
  return undefined;
}

/** Folders of transforms/ that no pipeline uses, and models that are in none. */
async function unusedModels(project: ProjectFiles, pipelines: readonly LoadedPipeline[]): Promise<Fault[]> {
  const entries = await project.list("transforms") ?? [];
  if ("fault" in entries) return [];
  // One that cannot be read may name any of them.
  if (pipelines.some(({ sketch }) => sketch === undefined)) return [];
  const used = new Set(pipelines.map(({ name, sketch }) => sketch?.definition.transform ?? name));
  const faults: Fault[] = [];
  for (const { name, isFolder } of entries) {
    const path = `transforms/${name}`;
    if (!isFolder) {
      if (!/\.sql$/i.test(name)) continue;
      const message = "is not read: models are in a folder of transforms/, that of their pipeline";
      faults.push({ ...fault(path, message), severity: "warning" });
    } else if (!used.has(name)) {
      const inner = await project.list(path) ?? [];
      if ("fault" in inner || !inner.some((entry) => /\.sql$/i.test(entry.name))) continue;
      const names = pipelines.map((pipeline) => pipeline.name);
      const message = `no pipeline uses this folder: one takes it by "transform: ${name}"${
        didYouMean(name, names)
      }`;
      faults.push({ file: path, message, severity: "warning" });
    }
  }
  return faults;
}

/**
 * Model files by name (`daily.sql` → SQL), with their paths in the project and what is wrong with the names.
 */
export function modelFiles(folder: string, texts: ReadonlyMap<string, string>): ModelFiles {
  const files: RevisionFile[] = [];
  const faults: Fault[] = [];
  const refused: string[] = [];
  const refuse = (path: string, message: string) => {
    faults.push(fault(path, message));
    refused.push(modelName(path));
  };
  const nameByKey = new Map<string, string>();
  for (const [name, content] of [...texts].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)) {
    const path = `transforms/${folder}/${name}`;
    const model = modelName(path);
    const twin = nameByKey.get(model.toLowerCase());
    const wrong = name === `${model}.sql` ? nameFault("model", model) : "expected a name, then .sql";
    if (wrong !== undefined) {
      refuse(path, `the file's name is the table's name: ${wrong}`);
    } else if (twin !== undefined) {
      refuse(path, `"${twin}" and "${model}" would be the same table: rename one`);
    } else if (content.trim() === "") {
      refuse(path, "the file is empty: a model is one SELECT");
    } else {
      nameByKey.set(model.toLowerCase(), model);
      files.push({ path, content });
    }
  }
  return { files, faults, refused, exists: true };
}

function fault(file: string, message: string): Fault {
  return { file, line: 1, column: 1, message, severity: "error" };
}
