import { DEFAULTS_FILE, modelName, tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import type { Fault } from "../../../text/fault.ts";
import { didYouMean } from "../../../text/suggest.ts";
import type { ModelFiles } from "../check_pipeline.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import type { ProjectFiles } from "../read_files.ts";
import { modelFiles, TRANSFORMS } from "./model_files.ts";
import { walkFolder } from "./walk.ts";

/** The files of the folder transforms/<folder>/ and of the folders in it, with the defaults of all above them. */
export async function loadModels(project: ProjectFiles, folder: string): Promise<ModelFiles> {
  const base = `${TRANSFORMS}/${folder}`;
  const first = await project.list(base);
  if (first === undefined) return { files: [], faults: [], refused: [], exists: false };
  if (!("fault" in first) && !await project.hasFolder(base)) {
    const message = "leads out of the project by a symbolic link: copy the folder in";
    return { files: [], faults: [fault(base, message)], refused: [], exists: true };
  }
  const texts = new Map<string, string>();
  const faults: Fault[] = [];
  const unread: string[] = [];
  const isRead = (name: string) => name.endsWith(".sql") || name === DEFAULTS_FILE;
  const entries = await walkFolder(project, base);
  const files = await project.readAll(
    entries.flatMap((entry) => "fault" in entry || !isRead(entry.name) ? [] : [entry.path]),
  );
  for (const entry of entries) {
    if ("fault" in entry) {
      faults.push(entry.fault);
      continue;
    }
    const { path, inner, name } = entry;
    if (!isRead(name)) {
      const message = whyNotRead(name);
      if (message !== undefined) faults.push({ ...fault(path, message), severity: "warning" });
      continue;
    }
    const file = files.get(path);
    if (file === undefined) continue;
    if (!("fault" in file)) texts.set(inner, file.text);
    else {
      faults.push(file.fault);
      if (name.endsWith(".sql")) unread.push(modelName(name));
    }
  }
  const models = modelFiles(folder, texts);
  const hasModels = tablesMadeBy(models.files).length > 0;
  const shared = hasModels ? await sharedDefaults(project) : { files: [], faults: [] };
  return {
    files: [...shared.files, ...models.files],
    faults: [...shared.faults, ...faults, ...models.faults],
    refused: [...unread, ...models.refused],
    exists: true,
  };
}

/** transforms/_defaults.yaml, for the models of all pipelines. */
async function sharedDefaults(project: ProjectFiles): Promise<Pick<ModelFiles, "files" | "faults">> {
  const path = `${TRANSFORMS}/${DEFAULTS_FILE}`;
  const file = await project.read(path);
  if (file === undefined) return { files: [], faults: [] };
  return "fault" in file
    ? { files: [], faults: [file.fault] }
    : { files: [{ path, content: file.text }], faults: [] };
}

/** What is wrong with a file beside the models that looks as if it was meant for one; undefined for a note. */
function whyNotRead(name: string): string | undefined {
  if (/\.sql$/i.test(name)) return "is not read: a model's file ends in .sql, in small letters";
  if (/\.sql\.|\.(?:jinja2?|j2|sqlx|ddl|prql|py)$/i.test(name)) {
    return "is not read: a model is one SELECT in a file that ends in .sql";
  }
  if (/\.csv$/i.test(name)) {
    return "is not read: a CSV that is a table of its own is a seed, seeds/<name>.csv";
  }
  if (/^_?defaults?\.ya?ml$/i.test(name)) {
    return `is not read: what a folder says for its models stands in ${DEFAULTS_FILE}`;
  }
  if (/\.ya?ml$/i.test(name)) {
    return "is not read: what is known of a model, its columns and its checks, stands in the header of its SQL file";
  }
  return undefined;
}

/** Folders of transforms/ that no pipeline uses, and models that are in none. */
export async function unusedModels(
  project: ProjectFiles,
  pipelines: readonly LoadedPipeline[],
): Promise<Fault[]> {
  const entries = await project.list(TRANSFORMS) ?? [];
  if ("fault" in entries) return [];
  // One that cannot be read may name any of them.
  if (pipelines.some(({ sketch }) => sketch === undefined)) return [];
  const used = new Set(pipelines.map(({ name, sketch }) => sketch?.definition.transform ?? name));
  const faults: Fault[] = [];
  for (const { name, isFolder } of entries) {
    const path = `${TRANSFORMS}/${name}`;
    if (!isFolder) {
      if (!/\.sql$/i.test(name)) continue;
      const message = "is not read: models are in a folder of transforms/, that of their pipeline";
      faults.push({ ...fault(path, message), severity: "warning" });
    } else if (!used.has(name) && await holdsModels(project, path)) {
      const names = pipelines.map((pipeline) => pipeline.name);
      const message = `no pipeline uses this folder: one takes it by "transform: ${name}"${
        didYouMean(name, names)
      }`;
      faults.push({ file: path, message, severity: "warning" });
    }
  }
  return faults;
}

async function holdsModels(project: ProjectFiles, folder: string): Promise<boolean> {
  const entries = await walkFolder(project, folder);
  return entries.some((entry) => "name" in entry && /\.sql$/i.test(entry.name));
}

function fault(file: string, message: string): Fault {
  return { file, line: 1, column: 1, message, severity: "error" };
}
