import { AppError } from "../../../../contract/errors.ts";
import { nameFault } from "../../../../contract/names.ts";
import { isRecord } from "../../../../text/is_record.ts";
import { faultOf } from "../findings.ts";
import { lexTemplate } from "../jinja/lexer.ts";
import { columnsAndChecks } from "./columns_and_checks.ts";
import { takenNames, withVariables } from "./import_model.ts";
import type { ImportedModel, ModelWork } from "./imported_model.ts";
import { oneLine } from "./one_line.ts";
import type { Entry } from "../project/properties.ts";
import type { DbtFile, DbtProject, Dict } from "../project/read_project.ts";
import { merge, optionalText, textsOf } from "../project/settings.ts";

/** Snapshots of dbt as models with `materialized: scd2`. */

/** One of a file of SQL, or of a YAML file. */
export interface WrittenSnapshot {
  readonly name: string;
  readonly file: DbtFile;
}

const BLOCK = /\{%-?\s*snapshot\s+(\w+)\s*-?%\}([\s\S]*?)\{%-?\s*endsnapshot\s*-?%\}/g;

/** Those of all files, each with the SQL between its tags. */
export function writtenSnapshots(
  project: DbtProject,
  entries: ReadonlyMap<string, Entry>,
): WrittenSnapshot[] {
  const files = [...project.files.snapshots, ...project.files.models].filter(({ text }) =>
    text.includes("endsnapshot")
  );
  const ofSql = files.flatMap((file) =>
    [...file.text.matchAll(BLOCK)].map(([, name = "", text = ""]) => ({
      name,
      file: { ...file, name, text },
    }))
  );
  const known = new Set(ofSql.map(({ name }) => name));
  const ofYaml = [...entries].flatMap(([name, { file: path, value }]) => {
    const of = optionalText(value["relation"]);
    if (known.has(name) || of === undefined || nameFault("model", name) !== undefined) return [];
    const text = `select * from {{ ${of} }}\n`;
    return [{ name, file: { package: project.root, path, folders: [], name, text } }];
  });
  return [...ofSql, ...ofYaml];
}

/** Undefined where it is switched off, or cannot be read, which is a finding. */
export function importSnapshot(
  { name, file }: WrittenSnapshot,
  entry: Entry | undefined,
  settings: Dict,
  work: ModelWork,
): ImportedModel | undefined {
  const { context, findings } = work;
  const { path } = file;
  try {
    lexTemplate(file.text);
    const taken = takenNames(file.text);
    const rendered = context.render({
      file: path,
      text: file.text,
      package: file.package.name,
      name,
      settings,
      taken,
      isIncremental: false,
    });
    const config = merge(settings, rendered.config);
    if (config["enabled"] === false) return undefined;
    const before = findings.all.filter(({ kind }) => kind === "hand").length;
    return {
      name,
      file: { ...file, folders: ["snapshots", ...file.folders] },
      header: headerOf(name, path, entry, config, work),
      sql: withVariables(rendered.sql, path, work),
      sources: rendered.sources,
      references: rendered.references,
      isWhole: findings.all.filter(({ kind }) => kind === "hand").length === before,
    };
  } catch (error) {
    const { message, line } = faultOf(error);
    findings.hand(path, `the snapshot ${name} is left out: ${message}`, line);
    return undefined;
  }
}

function headerOf(
  name: string,
  path: string,
  entry: Entry | undefined,
  config: Dict,
  work: ModelWork,
): Record<string, unknown> {
  const { findings } = work;
  const keys = textsOf(config["unique_key"]);
  if (keys.length === 0 || !keys.every((key) => /^\w+$/.test(key))) {
    throw new AppError("invalid", `its unique_key is ${keys.join(", ") || "missing"}, expected columns`);
  }
  const names = isRecord(config["snapshot_meta_column_names"]) ? config["snapshot_meta_column_names"] : {};
  const description = optionalText(entry?.value["description"]);
  const tags = textsOf(config["tags"]);
  const isByTime = config["strategy"] === "timestamp";
  const columns = config["check_cols"];
  if (!isByTime && columns !== undefined && columns !== "all") {
    findings.hand(
      path,
      `the snapshot ${name} compares ${
        textsOf(columns).join(", ")
      } in dbt, and all its columns here: select what is to be compared`,
    );
  }
  const hasDeletes = config["invalidate_hard_deletes"] === true || config["hard_deletes"] === "invalidate";
  if (config["hard_deletes"] === "new_record") {
    findings.hand(
      path,
      `the snapshot ${name} has hard_deletes: new_record, which there is not: deletes: soft ends versions`,
    );
  }
  findings.note(
    path,
    `the snapshot ${name} has no dbt_scd_id and dbt_updated_at, but is_current; versions begin anew here`,
  );
  return {
    ...(description === undefined ? {} : { description: oneLine(work.context.describe(description)) }),
    ...(tags.length === 0 ? {} : { tags }),
    materialized: "scd2",
    primary_key: keys,
    ...(isByTime ? { update_key: String(config["updated_at"]) } : {}),
    ...(hasDeletes ? { deletes: "soft" } : {}),
    scd2: {
      valid_from: String(names["dbt_valid_from"] ?? "dbt_valid_from"),
      valid_to: String(names["dbt_valid_to"] ?? "dbt_valid_to"),
    },
    ...(entry === undefined ? {} : columnsAndChecks(entry.value, name, work.checks(entry.file), false)),
  };
}
