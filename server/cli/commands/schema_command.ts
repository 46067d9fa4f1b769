import type { CommandRun } from "../command.ts";
import { requireProject } from "../connect.ts";
import { writeProjectSchemas } from "../project_schemas.ts";
import { readFolders } from "../settings.ts";

/** `sluice schema`: the JSON Schemas of this version in the project's `schema/`, for editors. */
export const schema: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const written = await writeProjectSchemas(folders.projectDir, await context.backend.projectSchemas());
  for (const path of written) context.terminal.out(`wrote ${path}`);
  return 0;
};
