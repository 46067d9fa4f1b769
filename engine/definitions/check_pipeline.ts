import type { Fault } from "../../text/fault.ts";
import { childTableFault, childTablesOf } from "../../contract/pipeline/child_tables.ts";
import { loadTargets } from "../../contract/pipeline/load.ts";
import { addressText, ownKeys, type PipelineDefinition } from "../../contract/pipeline/pipeline.ts";
import { inputsOf, parentsOf, streamsBefore } from "../../contract/pipeline/parents.ts";
import { isWildcard, STREAM_PLACE } from "../../contract/pipeline/wildcard.ts";
import type { RevisionFile } from "../../contract/revision.ts";
import { isSameName, nameKey } from "../../contract/sql.ts";
import { RUN_VARIABLES } from "../../sql/build/variables.ts";
import { kindOf, tablesMadeBy } from "../../sql/language/files/kinds.ts";
import { parseMacros } from "../../sql/language/macros/parse_macros.ts";
import { orderTopologically } from "../../sql/language/graph/topological_order.ts";
import { variableNames } from "../../sql/language/scan_sql.ts";
import { didYouMean } from "../../text/suggest.ts";
import { hasReference, visitTexts } from "../secrets/references.ts";
import { pathText } from "../../text/schema_faults.ts";
import type { DocumentPath } from "../../text/yaml_document.ts";

/** A fault of a definition whose shape is right. */
export interface PipelineFault {
  readonly path: DocumentPath;
  readonly at: "key" | "value";
  readonly message: string;
  readonly severity: Fault["severity"];
}

/** The models of a pipeline, and what is wrong with their folder. */
export interface ModelFiles {
  readonly files: readonly RevisionFile[];
  readonly faults: readonly Fault[];
  /** Names of the models whose files are a fault. */
  readonly refused: readonly string[];
  /** False where transforms/<folder>/ does not exist. */
  readonly exists: boolean;
}

/** A schema of names drops these on the way through: what is lost without a word must be a fault. */
const RESERVED_KEYS = ["__proto__", "prototype", "constructor"];

/** Finds them anywhere in a definition as it was written. */
export function checkReservedKeys(value: unknown, path: DocumentPath = []): PipelineFault[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (RESERVED_KEYS.includes(key)) return [error(at, "key", "this name cannot be used here")];
    return checkReservedKeys(inner, at);
  });
}

/** A reference in a pipeline would stay as it is: they belong into connectors.yaml. */
export function checkTexts(definition: PipelineDefinition): PipelineFault[] {
  const faults: PipelineFault[] = [];
  visitTexts({ extract: definition.extract, load: definition.load }, (text, path) => {
    if (!hasReference(text)) return;
    const message =
      "references such as ${env:NAME} are replaced in connectors.yaml only; here it is plain text";
    faults.push({ path, at: "value", message: `${pathText(path)}: ${message}`, severity: "warning" });
  });
  return faults;
}

/** A variable that nobody sets is NULL without a word, and a condition on it true for no row. */
export function checkWhere({ extract, params }: PipelineDefinition): PipelineFault[] {
  const known: string[] = [...RUN_VARIABLES.filter((name) => name !== "cursor"), ...Object.keys(params)];
  return Object.entries(extract).flatMap(([stream, { where = "" }]) =>
    variableNames(where).filter((name) => !known.some((other) => isSameName(other, name))).map((name) => {
      const message = `there is no variable or param ${name}${didYouMean(name, known)}`;
      return error(["extract", stream, "where"], "value", message);
    })
  );
}

/** A wildcard's load is one for each of its streams: all into one target, each would take the place of the one before. */
export function checkWildcardLoads({ extract, load }: PipelineDefinition): PipelineFault[] {
  return Object.entries(load).flatMap(([name, targets]) =>
    loadTargets(targets).flatMap((target, index) => {
      const path = ["load", name, ...Array.isArray(targets) ? [index] : []];
      const named = Object.entries(ownKeys(target)).filter(([, value]) => typeof value === "string");
      const [place] = named.filter(([, value]) => String(value).includes(STREAM_PLACE));
      const stream = extract[name];
      if (stream === undefined || !isWildcard(stream)) {
        const message = `${STREAM_PLACE} is replaced in the load of a wildcard only; here it is plain text`;
        return place === undefined
          ? []
          : [{ ...error([...path, place[0]], "value", message), severity: "warning" as const }];
      }
      const [key] = named[0] ?? [];
      if (place !== undefined || key === undefined || target.mode === "append") return [];
      const message =
        `"${name}" stands for several streams, and mode ${target.mode} would leave the last of them ` +
        `there: put ${STREAM_PLACE} into ${key}, as copy_${STREAM_PLACE}`;
      return [error([...path, key], "value", message)];
    })
  );
}

/** A stream that is read by the rows of others is read after them, from their tables. */
export function checkParents({ extract }: PipelineDefinition): PipelineFault[] {
  const { cycles } = orderTopologically(
    new Map(Object.entries(extract).map(([name, stream]) => [name, streamsBefore(stream)])),
  );
  return Object.entries(extract).flatMap(([name, stream]) => {
    const parents = parentsOf(stream).map((parent) => parent.stream);
    const endpoint: DocumentPath = ["extract", name, "endpoint"];
    if (parents.length > 1) {
      const message = `it names columns of several streams (${parents.join(", ")}): one is all it can have`;
      return [error(endpoint, "value", message)];
    }
    const inputs = inputsOf(stream);
    const inputPath = (index: number): DocumentPath => [
      "extract",
      name,
      "input",
      ...Array.isArray(stream["input"]) ? [index] : [],
    ];
    const uses = [
      ...parents.map((before) => ({ before, path: endpoint })),
      ...inputs.map((before, index) => ({ before, path: inputPath(index) })),
    ];
    return uses.flatMap(({ before, path }, at) => {
      const message = uses.findIndex((use) => use.before === before) < at
        ? `the stream ${before} stands here twice`
        : faultOfUse(extract, name, before, cycles);
      return message === undefined ? [] : [error(path, "value", message)];
    });
  });
}

/** Why a stream cannot be read by the rows of the other one. */
function faultOfUse(
  extract: PipelineDefinition["extract"],
  name: string,
  before: string,
  cycles: readonly (readonly string[])[],
): string | undefined {
  const found = extract[before];
  if (found === undefined) return `there is no stream ${before}${didYouMean(before, Object.keys(extract))}`;
  if (!found.store) return `the stream ${before} is not stored (store: false), so it has no rows to read`;
  if (isWildcard(found)) return `the stream ${before} stands for several tables, and has none of its name`;
  if (before === name) return `${name} cannot read itself`;
  return cycles.some((cycle) => cycle.includes(name) && cycle.includes(before))
    ? `${name} and ${before} wait for each other`
    : undefined;
}

/**
 * Names that must be one of a kind. Names that SQL knows (params, tables to load) are checked with the SQL.
 */
export function checkNames(definition: PipelineDefinition, models: ModelFiles): PipelineFault[] {
  const faults: PipelineFault[] = [];
  if (definition.transform !== undefined && !models.exists) {
    faults.push(
      error(["transform"], "value", `the folder transforms/${definition.transform}/ does not exist`),
    );
  }
  const streams = Object.keys(definition.extract);
  faults.push(...checkChildTables(definition));
  const firstByKey = new Map<string, string>();
  for (const name of streams) {
    const twin = firstByKey.get(nameKey(name));
    if (twin === undefined) firstByKey.set(nameKey(name), name);
    else faults.push(error(["extract", name], "key", `"${twin}" and "${name}" would be the same table`));
  }
  const functions = Object.keys(definition.functions ?? {});
  for (const [index, name] of functions.entries()) {
    const twin = functions.slice(0, index).find((other) => nameKey(other) === nameKey(name));
    if (twin === undefined) continue;
    faults.push(error(["functions", name], "key", `"${twin}" and "${name}" would be the same function`));
  }
  const macros = models.files.filter(({ path }) => kindOf(path) === "macros").flatMap(parseStatements);
  for (const name of functions) {
    const macro = macros.find((other) => isSameName(other.name, name));
    if (macro === undefined) continue;
    faults.push(error(["functions", name], "key", `${macro.path} has a macro of this name: rename one`));
  }
  for (const [name, load] of Object.entries(definition.load)) faults.push(...checkTwinTargets(name, load));
  if (streams.length === 0 && tablesMadeBy(models.files).length === 0) {
    faults.push({
      path: [],
      at: "key",
      message: "it has nothing to do: no stream, no model",
      severity: "warning",
    });
  }
  return faults;
}

const parseStatements = (file: RevisionFile) => parseMacros(file).statements.map(({ macro }) => macro);

/** Child tables are raw tables like those of streams. */
function checkChildTables({ extract }: PipelineDefinition): PipelineFault[] {
  const others = new Map(Object.keys(extract).map((name) => [nameKey(name), `the stream ${name}`]));
  return Object.entries(extract).flatMap(([name, stream]) => {
    const named = stream.child_tables ?? [];
    const faults = named.flatMap((_, index) => {
      const message = childTableFault(name, named, index);
      return message === undefined ? [] : [error(["extract", name, "child_tables", index], "value", message)];
    });
    if (faults.length > 0) return faults;
    return childTablesOf(name, stream).flatMap(({ text, table }) => {
      const other = others.get(nameKey(table));
      others.set(nameKey(table), `"${text}" of the stream ${name}`);
      if (other === undefined) return [];
      const message = `"${text}" would be the table ${table}, which ${other} is already`;
      return [error(["extract", name, "child_tables"], "value", message)];
    });
  });
}

/** The same target twice under one name: the two would undo each other. */
function checkTwinTargets(name: string, load: PipelineDefinition["load"][string]): PipelineFault[] {
  const seen = new Set<string>();
  return loadTargets(load).flatMap((target, index) => {
    const key = JSON.stringify([target.connector, addressText(target)]);
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [error(["load", name, index], "key", "the same target stands here twice")];
  });
}

function error(path: DocumentPath, at: "key" | "value", message: string): PipelineFault {
  return { path, at, message: `${pathText(path)}: ${message}`, severity: "error" };
}
