import type { DefinitionFault } from "../../../contract/jobs/check_job.ts";
import type { Fault, SourcePlace } from "../../../text/fault.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import { headerPlace, type Model } from "../model.ts";
import { placeAt } from "../position.ts";
import { type Check, checkPath } from "./check.ts";
import type { Fragment } from "./check_sql.ts";

/**
 * Where a check's SQL has a fault: `position` counts UTF-16 units from 0 in `check.sql`. Its author's text
 * stands in the header's YAML, line by line as it is in most forms; else it is the place of the whole check.
 */
export function checkPlace(model: Model, check: Check, position?: number): SourcePlace {
  const fragment = fragmentAt(check, position);
  const start = headerPlace(model, faultPath(check, position));
  if (position === undefined || fragment === undefined || start.line === undefined) return start;
  const { text } = fragment;
  const { line, column } = placeAt(text, position - fragment.start, model.path);
  const lines = text.split("\n");
  const wanted = lines[line - 1]?.trim() ?? "";
  const indent = lines[line - 1]?.indexOf(wanted) ?? 0;
  const file = (model.seed?.header?.content ?? model.sql).split("\n");
  for (let index = start.line - 1; index < file.length; index++) {
    const from = index === start.line - 1 ? (start.column ?? 1) - 1 : 0;
    const at = wanted === "" ? -1 : file[index]?.indexOf(wanted, from) ?? -1;
    if (at !== -1) return { file: start.file, line: index + 1, column: at + column - indent };
  }
  return start;
}

/** A fault of a check, in its model's file, or by the path in the pipeline's definition where it is a stream's. */
export function checkFault(
  check: Check,
  model: Model | undefined,
  message: string,
  position?: number,
): Fault | DefinitionFault {
  if (model !== undefined) return { ...checkPlace(model, check, position), message, severity: "error" };
  return faultAtPath(check, model, faultPath(check, position), message);
}

/** The same at an entry of the header or the stream. */
export function faultAtPath(
  check: Check,
  model: Model | undefined,
  path: DocumentPath,
  message: string,
): Fault | DefinitionFault {
  if (model !== undefined) return { ...headerPlace(model, path), message, severity: "error" };
  return { path: ["extract", streamOf(check), ...path], message, severity: "error" };
}

const streamOf = ({ node }: Check): string => node.slice("extract:".length);

/** The entry of the header, or of the stream, that has the fault. */
export function faultPath(check: Check, position?: number): DocumentPath {
  const fragment = fragmentAt(check, position);
  return fragment === undefined ? checkPath(check) : [...check.path, ...fragment.key];
}

function fragmentAt({ fragments }: Check, position: number | undefined): Fragment | undefined {
  if (position === undefined) return undefined;
  return fragments.find(({ start, text }) => position >= start && position <= start + text.length);
}
