import { nameFault } from "../../../contract/names.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { DEFAULTS_FILE, modelName } from "../../../sql/language/files/kinds.ts";
import type { Fault } from "../../../text/fault.ts";
import type { ModelFiles } from "../check_pipeline.ts";

/** The project's folder of models. */
export const TRANSFORMS = "transforms";

/**
 * The files of a pipeline's models (`daily.sql`, `staging/orders.sql`) and of their defaults (`_defaults.yaml`)
 * by their paths in the folder, with their paths in the project and what is wrong with the names.
 */
export function modelFiles(folder: string, texts: ReadonlyMap<string, string>): ModelFiles {
  const files: RevisionFile[] = [];
  const faults: Fault[] = [];
  const refused: string[] = [];
  const refuse = (path: string, message: string) => {
    faults.push(fault(path, message));
    refused.push(modelName(path));
  };
  const twins = new Map<string, string>();
  for (const [name, content] of [...texts].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)) {
    const path = `${TRANSFORMS}/${folder}/${name}`;
    const inner = name.split("/");
    if (inner.some((part) => part === "" || part.startsWith("."))) {
      refuse(path, "expected names of folders, and of a file, with / between them");
      continue;
    }
    const base = inner.at(-1) ?? "";
    if (base === DEFAULTS_FILE) {
      files.push({ path, content });
      continue;
    }
    const model = modelName(path);
    const twin = twins.get(model.toLowerCase());
    const wrong = base === `${model}.sql` ? nameFault("model", model) : "expected a name, then .sql";
    if (wrong !== undefined) {
      refuse(path, `the file's name is the table's name: ${wrong}`);
    } else if (twin !== undefined) {
      refuse(path, twinMessage(twin, path, model));
    } else if (content.trim() === "") {
      refuse(path, "the file is empty: a model is one SELECT");
    } else {
      twins.set(model.toLowerCase(), path);
      files.push({ path, content });
    }
  }
  return { files, faults, refused, exists: true };
}

function twinMessage(twin: string, path: string, model: string): string {
  const other = modelName(twin);
  const isBeside = twin.slice(0, twin.lastIndexOf("/")) === path.slice(0, path.lastIndexOf("/"));
  return isBeside
    ? `"${other}" and "${model}" would be the same table: rename one`
    : `${twin} makes the table "${other}" already: names are one of a kind in all folders of a pipeline`;
}

function fault(file: string, message: string): Fault {
  return { file, line: 1, column: 1, message, severity: "error" };
}
