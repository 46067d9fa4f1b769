import { PACKAGE_FILES } from "../scripts/package_lock.ts";
import { SCRIPTS_FOLDER } from "../scripts/scripts_folder.ts";

/** What of a project's folder says how its pipelines are: all else in it is data. */
export const PROJECT_PATHS: readonly string[] = [
  "connectors.yaml",
  "notifiers.yaml",
  "project.yaml",
  "pipelines",
  "transforms",
  "seeds",
  "macros",
  "tests",
  "schemas",
  SCRIPTS_FOLDER,
  ...PACKAGE_FILES,
];
