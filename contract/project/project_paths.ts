/** Scripts and all that they import by a path lie here: nothing else of a project gets into a sandbox. */
export const SCRIPTS_FOLDER = "scripts";

/** What of a project says which packages its scripts get. */
export const PACKAGE_FILES = ["package.json", "deno.json", "deno.lock", "package-lock.json"] as const;

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
