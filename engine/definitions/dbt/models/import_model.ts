import { AppError } from "../../../../contract/errors.ts";
import { isSameName } from "../../../../contract/sql.ts";
import { nameFault } from "../../../../contract/names.ts";
import { RUN_VARIABLES } from "../../../../sql/build/variables.ts";
import type { Context } from "../context/context.ts";
import { MARKS, type Rendered } from "../context/rendering.ts";
import { faultOf, type Findings } from "../findings.ts";
import type { Entry } from "../project/properties.ts";
import type { DbtFile, Dict } from "../project/read_project.ts";
import { merge } from "../project/settings.ts";
import { compiledSql } from "./compiled_model.ts";
import { headerOf } from "./header.ts";
import type { ImportedModel, ModelWork } from "./imported_model.ts";
import { combineIncremental } from "./incremental.ts";
import { withLateValues } from "./late_values.ts";
import { isMicrobatch } from "./microbatch.ts";

/** Names that a WITH of the text has. */
export function takenNames(text: string): (name: string) => boolean {
  const names = new Set(
    [...text.matchAll(/(?<!\w)["`]?(\w+)["`]?\s*(?:\([^()]*\)\s*)?as\s+(?:(?:not\s+)?materialized\s+)?\(/gi)]
      .map((
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
  const before = countHands(findings);
  const base = {
    file: path,
    text: file.text,
    package: file.package.name,
    name,
    settings,
    taken: takenNames(file.text),
  };
  let full: Rendered;
  try {
    if (file.isCompiledOnly === true) {
      throw new AppError("invalid", `the package ${base.package} is not installed`);
    }
    full = context.render({ ...base, isIncremental: false });
  } catch (error) {
    const { message, line } = faultOf(error);
    const compiled = importCompiled({ file, entry, settings, before, why: message }, work);
    if (compiled !== undefined) return compiled;
    findings.hand(path, message, line);
    const header = headerOf(file, entry, settings, work);
    const nothing = { sources: new Set<string>(), references: new Set<string>() };
    return { name, file, header, sql: file.text, ...nothing, isTemplate: true, isWhole: false };
  }
  const config = merge(settings, full.config);
  if (config["enabled"] === false) return undefined;
  if (isMicrobatch(config)) return importBatches({ file, entry, config, base, before, full }, work);
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
    isWhole: countHands(findings) === before,
  };
}

interface Uncompiled {
  readonly file: DbtFile;
  readonly entry: Entry | undefined;
  readonly settings: Dict;
  /** Findings that need a hand, before it was begun. */
  readonly before: number;
  /** Why its template does not work. */
  readonly why: string;
}

/** The model as dbt itself has compiled it, where target/manifest.json has it. */
function importCompiled(
  { file, entry, settings, before, why }: Uncompiled,
  work: ModelWork,
): ImportedModel | undefined {
  const { findings, manifest, tables } = work;
  const { path, name } = file;
  const compiled = manifest.compiled(file.package.name, name);
  const found = compiled === undefined ? undefined : compiledSql(compiled, tables, takenNames(compiled.sql));
  if (compiled === undefined || found === undefined) return undefined;
  const header = headerOf(file, entry, merge(settings, compiled.config), work);
  const when = manifest.date === undefined ? "" : ` on ${manifest.date}`;
  findings.note(path, `is taken from target/manifest.json as dbt compiled it${when}: ${why}`);
  if (header["materialized"] === "incremental") {
    for (const key of Object.keys(header)) if (INCREMENTAL_KEYS.has(key)) delete header[key];
    header["materialized"] = "table";
    findings.hand(path, "is incremental in dbt, and a table here: its compiled SQL is that of one run");
  }
  const { sql, sources, references } = found;
  return { name, file, header, sql, sources, references, isWhole: countHands(findings) === before };
}

interface Batches {
  readonly file: DbtFile;
  readonly entry: Entry | undefined;
  readonly config: Dict;
  readonly base: Base;
  /** Findings that need a hand, before it was begun. */
  readonly before: number;
  readonly full: Rendered;
}

/** A model of strategy microbatch reads only the batch of what has an event_time. */
function importBatches({ file, entry, config, base, before, full }: Batches, work: ModelWork): ImportedModel {
  const { context, findings } = work;
  const { path, name } = file;
  const header = headerOf(file, entry, config, work);
  const isBatch = header["materialized"] === "incremental";
  const rendered = isBatch ? context.render({ ...base, isIncremental: false, isBatch }) : full;
  if (isBatch && rendered.batched.size === 0 && !rendered.sql.includes("getvariable('window_start')")) {
    findings.hand(
      path,
      "no table that it reads has an event_time: its SQL has to take the rows from window_start to window_end",
    );
  }
  return {
    name,
    file,
    header,
    sql: withVariables(rendered.sql, path, work),
    sources: rendered.sources,
    references: rendered.references,
    isWhole: countHands(findings) === before,
  };
}

const countHands = (findings: Findings): number => findings.all.filter(({ kind }) => kind === "hand").length;

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
export function withVariables(text: string, file: string, { findings, variables }: ModelWork): string {
  const sql = withLateValues(text);
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
