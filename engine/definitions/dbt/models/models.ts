import { isRecord } from "../../../../text/is_record.ts";
import { RUN_VARIABLES } from "../../../../sql/build/variables.ts";
import { nameFault } from "../../../../contract/names.ts";
import { isSameName } from "../../../../contract/sql.ts";
import { type CheckContext, checksOf } from "../tests/checks.ts";
import { type Context, MARKS, type Rendered } from "../context/context.ts";
import { faultOf, type Findings } from "../findings.ts";
import { combineIncremental } from "./incremental.ts";
import type { Entry } from "../project/properties.ts";
import type { DbtFile, Dict } from "../project/read_project.ts";
import { listOf, merge, optionalText, textsOf } from "../project/settings.ts";

/** Models of dbt as files of SQL with a header. */

export interface ImportedModel {
  readonly name: string;
  readonly file: DbtFile;
  readonly header: Record<string, unknown>;
  readonly sql: string;
  readonly sources: ReadonlySet<string>;
  readonly references: ReadonlySet<string>;
  /** Its text is still the template's: a finding says why. */
  readonly isTemplate?: boolean;
  /** Nobody has to look at it. */
  readonly isWhole: boolean;
}

export interface Variable {
  readonly type: string;
  readonly default: string;
}

export interface ModelWork {
  readonly context: Context;
  readonly findings: Findings;
  /** Those that SQL reads as variables are put here. */
  readonly variables: Map<string, Variable>;
  checks(file: string): CheckContext;
}

/** Names that a WITH of the text has. */
export function takenNames(text: string): (name: string) => boolean {
  const names = new Set(
    [...text.matchAll(/["`]?(\w+)["`]?\s*(?:\([^()]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(/gi)].map((
      [, name = ""],
    ) => name.toLowerCase()),
  );
  return (name) => names.has(name.toLowerCase());
}

/** Undefined for a model that is switched off. `settings` are those of dbt_project.yml and of YAML files. */
export function importModel(
  file: DbtFile,
  entry: Entry | undefined,
  settings: Dict,
  work: ModelWork,
): ImportedModel | undefined {
  const { context, findings } = work;
  const { path, name } = file;
  const before = findings.all.filter(({ kind }) => kind === "hand").length;
  const base = { file: path, text: file.text, name, settings, taken: takenNames(file.text) };
  let full: Rendered;
  try {
    full = context.render({ ...base, isIncremental: false });
  } catch (error) {
    const { message, line } = faultOf(error);
    findings.hand(path, message, line);
    const header = headerOf(file, entry, settings, work);
    const nothing = { sources: new Set<string>(), references: new Set<string>() };
    return { name, file, header, sql: file.text, ...nothing, isTemplate: true, isWhole: false };
  }
  const config = merge(settings, full.config);
  if (config["enabled"] === false) return undefined;
  const header = headerOf(file, entry, config, work);
  let { sql } = full;
  if (header["materialized"] === "incremental") {
    const combined = incrementalSql(base, full, work);
    if (combined === undefined) {
      for (const key of Object.keys(header)) if (INCREMENTAL_KEYS.has(key)) delete header[key];
      header["materialized"] = "table";
      findings.hand(
        path,
        "what is_incremental() adds is no condition on the greatest value of a column: it is a table, built anew by each run",
      );
    } else {
      sql = combined.sql;
      if (combined.updateKey !== undefined) header["update_key"] = combined.updateKey;
    }
  }
  return {
    name,
    file,
    header,
    sql: withVariables(sql, path, work),
    sources: full.sources,
    references: full.references,
    isWhole: findings.all.filter(({ kind }) => kind === "hand").length === before,
  };
}

const INCREMENTAL_KEYS = new Set([
  "strategy",
  "primary_key",
  "update_key",
  "partition_by",
  "on_schema_change",
  "full_refresh",
]);

type Base = Omit<Parameters<Context["render"]>[0], "isIncremental">;

function incrementalSql(base: Base, full: Rendered, { context }: ModelWork) {
  try {
    return combineIncremental(full.sql, context.render({ ...base, isIncremental: true }).sql);
  } catch {
    return undefined;
  }
}

/** A text that is one variable, in quotes, is read when the model runs; what else is made of one is written out. */
export function withVariables(sql: string, file: string, { findings, variables }: ModelWork): string {
  const [open, middle, close] = MARKS.variable;
  const mark = `${open}([^${middle}]*)${middle}([^${close}]*)${close}`;
  const read = sql.replace(new RegExp(`'${mark}'`, "g"), (whole, name: string, value: string) => {
    const isTaken = RUN_VARIABLES.some((other) => isSameName(other, name));
    if (isTaken || nameFault("param", name) !== undefined || /['\n\\]/.test(value)) return whole;
    const type = /^\d{4}-\d{2}-\d{2}$/.test(value) ? "date" : "string";
    variables.set(name, { type, default: value });
    return `getvariable('${name}')`;
  });
  return read.replace(new RegExp(mark, "g"), (_, name: string, value: string) => {
    findings.note(file, `the variable ${name} is written out, as ${value === "" ? "nothing" : value}`);
    return value;
  });
}

function headerOf(
  file: DbtFile,
  entry: Entry | undefined,
  config: Dict,
  work: ModelWork,
): Record<string, unknown> {
  const { findings } = work;
  const { path, name } = file;
  const header: Record<string, unknown> = {};
  const description = optionalText(entry?.value["description"]);
  if (description !== undefined) header["description"] = oneLine(work.context.describe(description));
  const tags = textsOf(config["tags"]);
  if (tags.length > 0) header["tags"] = tags;
  buildKeys(path, config, header, findings);
  for (const key of ["pre-hook", "post-hook", "pre_hook", "post_hook"]) {
    if (listOf(config[key]).length > 0) {
      findings.hand(path, `${key} is left out: a run has no statements of its own`);
    }
  }
  const alias = optionalText(config["alias"]);
  if (alias !== undefined && alias !== name) {
    findings.note(path, `alias ${alias} is left out: the table has the file's name, ${name}`);
  }
  if (entry === undefined) return header;
  const contract = config["contract"];
  const isEnforced = isRecord(contract) && contract["enforced"] === true;
  Object.assign(header, columnsAndChecks(entry.value, name, work.checks(entry.file), isEnforced));
  return header;
}

/** `columns` and `checks` of a model, a seed or a snapshot; `table` is its name in SQL. */
export function columnsAndChecks(
  value: Dict,
  table: string,
  context: CheckContext,
  withTypes: boolean,
): Dict {
  const columns: Record<string, Record<string, unknown>> = {};
  const ofTable: unknown[] = [];
  for (const column of listOf(value["columns"]).filter(isRecord)) {
    const name = String(column["name"]);
    const tests = [
      ...listOf(column["tests"]),
      ...listOf(column["data_tests"]),
      ...(withTypes ? constraintTests(column["constraints"]) : []),
    ];
    const sqlName = column["quote"] === true ? `"${name}"` : name;
    const checks = checksOf(tests, { table, column: sqlName }, context);
    ofTable.push(...checks.ofTable);
    const type = withTypes ? optionalText(column["data_type"]) : undefined;
    const description = optionalText(column["description"]);
    const about = {
      ...(type === undefined ? {} : { type }),
      ...(description === undefined ? {} : { description: oneLine(context.describe(description)) }),
      ...(checks.ofColumn.length === 0 ? {} : { checks: checks.ofColumn }),
    };
    columns[name] = { ...columns[name], ...about };
  }
  const tests = [...listOf(value["tests"]), ...listOf(value["data_tests"])];
  ofTable.push(...checksOf(tests, { table, column: undefined }, context).ofTable);
  return {
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...(ofTable.length === 0 ? {} : { checks: ofTable }),
  };
}

/** Those that have no check are told as tests that have none. */
function constraintTests(constraints: unknown): string[] {
  return listOf(constraints).filter(isRecord).flatMap(({ type }) => {
    if (type === "not_null" || type === "unique") return [type];
    return type === "primary_key" ? ["not_null", "unique"] : [`${String(type)} constraint`];
  });
}

const MATERIALIZED = new Set(["table", "view", "incremental", "ephemeral"]);

/** dbt's own default is `view`. */
function buildKeys(path: string, config: Dict, header: Record<string, unknown>, findings: Findings): void {
  const written = optionalText(config["materialized"]) ?? "view";
  const materialized = MATERIALIZED.has(written) ? written : "table";
  if (materialized !== written) {
    const message = `materialized: ${written} is a table here`;
    if (written === "materialized_view") findings.note(path, message);
    else findings.hand(path, message);
  }
  header["materialized"] = materialized;
  if (materialized !== "incremental") return;
  const keys = textsOf(config["unique_key"]).flatMap((key) => key.split(",")).map((key) => key.trim());
  const strategy = optionalText(config["incremental_strategy"]) ?? (keys.length === 0 ? "append" : "merge");
  const isPlain = keys.every((key) => /^\w+$/.test(key));
  if (strategy === "microbatch" || !isPlain) {
    header["materialized"] = "table";
    findings.hand(
      path,
      strategy === "microbatch"
        ? "strategy microbatch is a table here: as strategy: delete_insert its SQL has to take the rows of the window itself"
        : `unique_key ${keys.join(", ")} is an expression: it is a table, until a column has that value`,
    );
    return;
  }
  const partitions = textsOf(
    isRecord(config["partition_by"]) ? config["partition_by"]["field"] : config["partition_by"],
  );
  if (strategy === "insert_overwrite" && partitions.length > 0) {
    header["strategy"] = "insert_overwrite";
    header["partition_by"] = partitions;
  } else if (keys.length === 0 || strategy === "append") header["strategy"] = "append";
  else {
    header["primary_key"] = keys;
    if (strategy === "delete+insert") {
      findings.note(
        path,
        "strategy delete+insert is merge here: a unique_key that comes twice in the query is a fault",
      );
    }
  }
  const onSchemaChange = optionalText(config["on_schema_change"]);
  if (onSchemaChange !== undefined) header["on_schema_change"] = onSchemaChange;
  if (config["full_refresh"] === false) header["full_refresh"] = false;
}

export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
