import { dirname, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { PROJECT_PATHS } from "../../../contract/project/project_paths.ts";
import { PACKAGE_FILES } from "../../../contract/project/project_paths.ts";
import { ProjectFiles } from "../read_files.ts";

const PRIVATE_FOLDER = 0o700;

/**
 * Writes the files into a folder, as a project of their own. Throws invalid for a path that leads out of it, or to what is no
 * part of a project.
 */
export async function writeProject(folder: string, files: readonly RevisionFile[]): Promise<void> {
  const made = new Set<string>();
  // A project without pipelines is one all the same.
  await Deno.mkdir(join(folder, "pipelines"), { recursive: true, mode: PRIVATE_FOLDER });
  for (const file of files) {
    requireProjectPath(file.path);
    const path = join(folder, file.path);
    const parent = dirname(path);
    if (!made.has(parent)) await Deno.mkdir(parent, { recursive: true, mode: PRIVATE_FOLDER });
    made.add(parent);
    try {
      await Deno.writeTextFile(path, file.content, { createNew: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.IsADirectory)) {
        throw error;
      }
      throw new AppError("invalid", `The project has ${file.path} twice`, { cause: error });
    }
  }
}

function requireProjectPath(path: string): void {
  const parts = path.split("/");
  const [first = ""] = parts;
  const isPart = PROJECT_PATHS.includes(first) && isFile(first) === (parts.length === 1);
  const isPlain = parts.every((part) =>
    part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part) && part.length <= 255
  );
  if (isPart && isPlain && path.length <= 1_000) return;
  throw new AppError(
    "invalid",
    `${JSON.stringify(path.slice(0, 200))} is no file of a project: expected one of ${
      PROJECT_PATHS.join(", ")
    }`,
  );
}

/** Of the paths of a project those of files have a dot. */
const isFile = (path: string): boolean => path.includes(".");

/** What no pipeline's definition depends on: packages of scripts, tests of models. */
const NOT_SENT: ReadonlySet<string> = new Set<string>([...PACKAGE_FILES, "tests"]);

/** The files of a project's folder, to be sent: those that can be read as text. */
export async function readProject(projectDir: string): Promise<RevisionFile[]> {
  const project = await ProjectFiles.open(projectDir);
  const files: RevisionFile[] = [];
  const read = async (path: string) => {
    const file = await project.read(path);
    if (file !== undefined && "text" in file) files.push({ path, content: file.text });
  };
  const walk = async (folder: string) => {
    const entries = await project.list(folder) ?? [];
    if ("fault" in entries) return;
    for (const { name, isFolder } of entries) {
      if (name === "node_modules") continue;
      await (isFolder ? walk : read)(`${folder}/${name}`);
    }
  };
  for (const path of PROJECT_PATHS) {
    if (!NOT_SENT.has(path)) await (isFile(path) ? read : walk)(path);
  }
  return files;
}

/** The project's scripts that a pipeline names, and `others`, as they are written; those that are not there are left out. */
export async function readScriptTexts(
  projectDir: string,
  definition: PipelineDefinition,
  others: readonly RevisionFile[],
): Promise<RevisionFile[]> {
  const project = await ProjectFiles.open(projectDir);
  const paths = new Set([...scriptsOf(definition), ...others.map(({ path }) => path)]);
  const files: RevisionFile[] = [];
  for (const path of [...paths].sort()) {
    const file = await project.read(path);
    if (file !== undefined && "text" in file) files.push({ path, content: file.text });
  }
  return files;
}

/** The scripts that a definition names itself. */
export function scriptsOf({ extract, load, functions = {} }: PipelineDefinition): string[] {
  const named: unknown[] = [
    ...Object.values(extract).map((stream) => stream["script"]),
    ...Object.values(load).flatMap((targets) => loadTargets(targets).map((target) => target["script"])),
    ...Object.values(functions).map(({ script }) => script),
  ];
  return [...new Set(named.filter((path): path is string => typeof path === "string"))];
}
