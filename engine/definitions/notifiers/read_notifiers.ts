import { ProjectFiles } from "../read_files.ts";
import { NO_NOTIFIERS, NOTIFIERS_FILE, type ParsedNotifiers, parseNotifiers } from "./parse_notifiers.ts";

/** What the project's notifiers.yaml says; nothing where there is none. */
export async function loadNotifiers(project: ProjectFiles): Promise<ParsedNotifiers> {
  const file = await project.read(NOTIFIERS_FILE);
  if (file === undefined) return NO_NOTIFIERS;
  if ("fault" in file) return { ...NO_NOTIFIERS, isReadable: false, faults: [file.fault] };
  return parseNotifiers(file.text);
}

/** The same by the project's folder. Throws not_found where there is no such folder. */
export async function readNotifiers(projectDir: string): Promise<ParsedNotifiers> {
  return await loadNotifiers(await ProjectFiles.open(projectDir));
}
