import { type ParamText, paramTexts } from "../../../contract/params/places.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { isSameName } from "../../../contract/sql.ts";
import { RUN_VARIABLES } from "../../../sql/build/variables.ts";
import { variableNames } from "../../../sql/language/scan_sql.ts";
import type { PipelineFault } from "../check_pipeline.ts";
import { type ParsedProject, PROJECT_FILE } from "./project_file.ts";

/** A pipeline's definition with what it takes of the project's variables. */
export interface WithVariables {
  readonly definition: PipelineDefinition;
  /** Names that it reads and of which nothing is known, as they are a fault where they are written. */
  readonly unknown: readonly string[];
  readonly faults: readonly PipelineFault[];
}

/**
 * Gives the definition those of the project's variables that it reads, as params with the project's defaults: a run may be
 * given another value, and a change makes a new revision of the pipelines that read them only. A param of its
 * own goes before a variable of its name. `sql` are the texts of its models, macros and all else that may call
 * `getvariable()`.
 */
export function withVariables(
  definition: PipelineDefinition,
  sql: readonly string[],
  project: ParsedProject,
): WithVariables {
  const { params, extract } = definition;
  const texts = paramTexts(definition);
  const own = [...Object.keys(params), ...RUN_VARIABLES];
  const isOwn = (name: string) => own.some((other) => isSameName(other, name));
  const reads = readNames([...sql, ...Object.values(extract).map(({ where = "" }) => where)], texts);
  const used = Object.entries(project.variables).filter(([name]) =>
    !isOwn(name) && reads.some((other) => isSameName(other, name))
  );
  const unknown = reads.filter((name) =>
    !isOwn(name) &&
    (!project.isReadable || [...project.brokenVariables].some((other) => isSameName(other, name)))
  );
  return {
    definition: used.length === 0
      ? definition
      : { ...definition, params: { ...params, ...Object.fromEntries(used) } },
    unknown,
    faults: unknown.map((name): PipelineFault => ({
      path: [],
      at: "key",
      message: `it reads the variable ${name}, and ${PROJECT_FILE} has a fault there`,
      severity: "error",
    })),
  };
}

/** Each name once: those of `getvariable('name')`, also in headers, and of `${param:name}`. */
function readNames(sql: readonly string[], texts: readonly ParamText[]): string[] {
  const names = [
    ...sql.flatMap((text) => [
      ...variableNames(text),
      ...[...text.matchAll(/getvariable\s*\(\s*'((?:[^']|'')+)'/gi)].map(([, name = ""]) => name),
    ]),
    ...texts.flatMap(({ params }) => params),
  ];
  return [...new Map(names.map((name) => [name.toLowerCase(), name])).values()];
}
