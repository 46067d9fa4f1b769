import { requireName } from "../../../contract/names.ts";

/** A URL takes `.` and `..` for steps, encoded or not: such names reach no server. */
export function pipelinePath(name: string): string {
  if (["", ".", ".."].includes(name) || !name.isWellFormed()) requireName("pipeline", name);
  return `/api/pipelines/${encodeURIComponent(name)}`;
}
