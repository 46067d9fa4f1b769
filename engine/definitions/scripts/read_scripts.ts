import { loadTargets } from "../../../contract/pipeline/load.ts";
import { ownKeys, type PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { SCRIPT_PATH_PATTERN } from "../../../contract/pipeline/scripts.ts";
import { bundlePath, type RevisionFile } from "../../../contract/revision.ts";
import { type Fault, formatFault, type SourcePlace } from "../../../text/fault.ts";
import { pathText } from "../../../text/schema_faults.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { PipelineFault } from "../check_pipeline.ts";
import type { ProjectFiles } from "../read_files.ts";
import { SCRIPTS_FOLDER } from "../../../contract/project/project_paths.ts";
import type { ScriptsOfProject } from "./script_bundles.ts";

/** A place of a pipeline, or of a connector that it names, that names a script. */
interface ScriptUse {
  /** As `["extract", "orders", "script"]`. */
  readonly path: DocumentPath;
  /** As `scripts/orders.ts`. */
  readonly script: string;
  readonly kind: "source" | "destination" | "signer" | "function";
  /** Of one that an entry of connectors.yaml names. */
  readonly place?: SourcePlace;
  readonly connector?: string;
}

/** A script that an entry of connectors.yaml names. */
export interface ConnectorScript {
  readonly connector: string;
  /** As `scripts/sign.ts`. */
  readonly script: string;
  /** Where the entry names it. */
  readonly place: SourcePlace;
}

/** The scripts that a definition names, as they become part of its revision. */
export interface ScriptFiles {
  /** The bundle of each script, and the project's own modules that went into them: each path once. */
  readonly files: readonly RevisionFile[];
  /** What is wrong with how the definition names them. */
  readonly faults: readonly PipelineFault[];
  /** What is wrong in their own modules. */
  readonly fileFaults: readonly Fault[];
  /** Connectors that cannot be used, since the scripts that they name have faults. */
  readonly brokenConnectors: readonly string[];
}

export const NO_SCRIPTS: ScriptFiles = { files: [], faults: [], fileFaults: [], brokenConnectors: [] };

/** The scripts that a pipeline names, without those whose names are a fault already. */
function scriptUses({ extract, load, functions = {} }: PipelineDefinition): ScriptUse[] {
  const uses: ScriptUse[] = [];
  const note = (path: DocumentPath, { script }: Record<string, unknown>, kind: ScriptUse["kind"]) => {
    if (typeof script === "string" && SCRIPT_PATH_PATTERN.test(script)) {
      uses.push({ path: [...path, "script"], script, kind });
    }
  };
  for (const [name, stream] of Object.entries(extract)) note(["extract", name], ownKeys(stream), "source");
  for (const [name, targets] of Object.entries(load)) {
    for (const [index, target] of loadTargets(targets).entries()) {
      note(["load", name, ...Array.isArray(targets) ? [index] : []], ownKeys(target), "destination");
    }
  }
  for (const [name, declared] of Object.entries(functions)) note(["functions", name], declared, "function");
  return uses;
}

/** Of a definition that came without a project's files. */
export function refuseScripts(definition: PipelineDefinition): ScriptFiles {
  const message = "a script is a file of the project: a definition that comes over the API cannot name one";
  return { ...NO_SCRIPTS, faults: scriptUses(definition).map(({ path }) => problem(path, message)) };
}

/**
 * Bundles what the definition names, and `ofConnectors`, which the entries of its connectors name. Reads scripts/ and
 * node_modules/ of the project alone.
 */
export async function readScripts(
  project: ProjectFiles,
  definition: PipelineDefinition | undefined,
  scripts: ScriptsOfProject,
  ofConnectors: readonly ConnectorScript[] = [],
): Promise<ScriptFiles> {
  const uses: ScriptUse[] = [
    ...definition === undefined ? [] : scriptUses(definition),
    ...ofConnectors.map((use): ScriptUse => ({ ...use, path: [], kind: "signer" })),
  ];
  const files = new Map<string, string>();
  const faults = new Map<string, readonly Fault[]>();
  const problems: PipelineFault[] = [];
  for (const { path, script, kind, place } of uses) {
    const file = await project.read(script);
    if (file === undefined) {
      const message = `there is no file ${script}${didYouMean(script, await scriptNames(project))}`;
      if (place === undefined) problems.push(problem(path, message));
      else faults.set(JSON.stringify(place), [{ ...place, message, severity: "error" }]);
      continue;
    }
    if ("fault" in file) {
      faults.set(script, [file.fault]);
      continue;
    }
    const bundle = await scripts.bundle(script);
    if ("faults" in bundle) {
      faults.set(script, bundle.faults);
      continue;
    }
    faults.set(script, bundle.warnings);
    files.set(bundlePath(script), bundle.code);
    for (const source of bundle.sources) files.set(source.path, source.content);
    const missing = missingExport(bundle.exports, kind);
    if (missing !== undefined) {
      faults.set(`${script} ${kind}`, [{
        file: script,
        line: 1,
        column: 1,
        message: missing,
        severity: "error",
      }]);
    }
  }
  return {
    brokenConnectors: ofConnectors.flatMap(({ connector, script }) =>
      files.has(bundlePath(script)) ? [] : [connector]
    ),
    files: [...files].map(([path, content]) => ({ path, content })),
    // Of a module that two scripts import each has the same.
    fileFaults: [
      ...new Map([...faults.values()].flat().map((fault) => [formatFault(fault), fault])).values(),
    ],
    faults: problems,
  };
}

const MISSING_EXPORT: Readonly<Record<ScriptUse["kind"], string>> = {
  source:
    "it has no default export: the script of a stream is `export default async function* (ctx) { … yield rows }`",
  destination:
    "it does not export write: the script of a load is `export async function write(batches, ctx) { … }`",
  signer:
    "it has no default export: a script that signs requests is `export default async function (request, ctx) { … return { headers } }`",
  function:
    "it has no default export: the script of a function is `export default function (value) { return … }`",
};

function missingExport(exported: readonly string[], kind: ScriptUse["kind"]): string | undefined {
  return exported.includes(kind === "destination" ? "write" : "default") ? undefined : MISSING_EXPORT[kind];
}

/** Of the folder itself, without those below it. */
async function scriptNames(project: ProjectFiles): Promise<string[]> {
  const entries = await project.list(SCRIPTS_FOLDER) ?? [];
  return "fault" in entries ? [] : entries.map(({ name }) => `${SCRIPTS_FOLDER}/${name}`);
}

function problem(path: DocumentPath, message: string): PipelineFault {
  return { path, at: "value", message: `${pathText(path)}: ${message}`, severity: "error" };
}
