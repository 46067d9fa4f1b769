import { AppError } from "../../../contract/errors.ts";
import { requirePlacedName } from "../../../contract/environments/pipeline_name.ts";
import { quoteName } from "../../../contract/names.ts";
import type { PathSegment } from "../../http/api_schema.ts";

/**
 * An id or a name as one part of a path. A URL takes `.` and `..` for steps, encoded or not: such names
 * reach no server. Throws not_found for them.
 */
export function segment(kind: string, value: string): PathSegment {
  if (!isSegment(value)) throw new AppError("not_found", `There is no ${kind} ${quoteName(value)}`);
  return encode(value);
}

/** Throws invalid for a name that no pipeline can have. */
export function pipelineSegment(name: string): PathSegment {
  if (!isSegment(name)) requirePlacedName(name);
  return encode(name);
}

const isSegment = (value: string) => !["", ".", ".."].includes(value) && value.isWellFormed();

const encode = (value: string) => encodeURIComponent(value) as PathSegment;
