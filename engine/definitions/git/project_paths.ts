import { PACKAGE_FILES } from "../scripts/package_lock.ts";
import { SCRIPTS_FOLDER } from "../scripts/scripts_folder.ts";

/** What of a project's folder makes the revisions of its pipelines. */
export const DEFINITION_PATHS: readonly string[] = [
  "connectors.yaml",
  "project.yaml",
  "pipelines",
  "transforms",
  "seeds",
  "macros",
  SCRIPTS_FOLDER,
];

/** What says how its pipelines are, are checked and are told of: all else in it is data. */
export const PROJECT_PATHS: readonly string[] = [
  ...DEFINITION_PATHS,
  "notifiers.yaml",
  "tests",
  "schemas",
  ...PACKAGE_FILES,
];
