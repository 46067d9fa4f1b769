import { AppError } from "../../../contract/errors.ts";
import { ProjectFiles } from "../read_files.ts";
import { loadProjectFile, NO_PROJECT_FILE, type ParsedProject } from "./project_file.ts";
import { loadSharedSql, NO_SHARED_SQL, type SharedSql } from "./shared_sql.ts";

/** What the pipelines of a project share. */
export interface ProjectParts {
  readonly project: ParsedProject;
  readonly shared: SharedSql;
}

/** What is in the project's folder now; nothing where there is none. */
export async function readProjectParts(projectDir: string): Promise<ProjectParts> {
  try {
    const files = await ProjectFiles.open(projectDir);
    return { project: await loadProjectFile(files), shared: await loadSharedSql(files) };
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") {
      return { project: NO_PROJECT_FILE, shared: NO_SHARED_SQL };
    }
    throw error;
  }
}
