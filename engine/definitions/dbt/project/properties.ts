import { isRecord } from "../../../../text/is_record.ts";
import { parseYamlDocument } from "../../../../text/yaml_document.ts";
import type { Findings } from "../findings.ts";
import type { DbtProject, Dict } from "./read_project.ts";
import { listOf, merge, optionalText, textsOf } from "./settings.ts";

/** What the YAML files of a dbt project say of its models, sources, seeds and the like. */

export interface Entry {
  /** Where it is written. */
  readonly file: string;
  readonly value: Dict;
}

export interface SourceTable {
  readonly file: string;
  readonly source: Dict;
  readonly sourceName: string;
  readonly table: Dict;
  readonly name: string;
}

export interface Properties {
  readonly models: ReadonlyMap<string, Entry>;
  readonly seeds: ReadonlyMap<string, Entry>;
  readonly snapshots: ReadonlyMap<string, Entry>;
  readonly sources: readonly SourceTable[];
  readonly unitTests: readonly Entry[];
  readonly exposures: readonly Entry[];
  /** Kinds that have no counterpart, with how many there are. */
  readonly others: ReadonlyMap<string, number>;
}

const OTHERS = ["metrics", "semantic_models", "saved_queries", "groups"];

/** Faults of YAML are findings. */
export function readProperties(project: DbtProject, findings: Findings): Properties {
  const [models, seeds, snapshots] = [0, 0, 0].map(() => new Map<string, Entry>());
  const sources: SourceTable[] = [];
  const unitTests: Entry[] = [];
  const exposures: Entry[] = [];
  const others = new Map<string, number>();
  for (const { path: file, text } of project.properties) {
    const { value, faults: [fault] } = parseYamlDocument(text, file);
    if (!isRecord(value)) {
      if (fault !== undefined) findings.hand(file, `cannot be read: ${fault.message}`, fault.line);
      continue;
    }
    const entries = (key: string): Dict[] => {
      const list = value[key];
      return Array.isArray(list) ? list.filter(isRecord) : [];
    };
    for (const [key, to] of [["models", models], ["seeds", seeds], ["snapshots", snapshots]] as const) {
      for (const entry of entries(key)) {
        const name = optionalText(entry["name"]);
        if (name !== undefined) to?.set(name, { file, value: entry });
        for (const [of, value] of versionsOf(entry)) to?.set(of, { file, value });
      }
    }
    for (const source of entries("sources")) {
      const sourceName = optionalText(source["name"]) ?? "";
      const tables = source["tables"];
      for (const table of Array.isArray(tables) ? tables.filter(isRecord) : []) {
        sources.push({ file, source, sourceName, table, name: optionalText(table["name"]) ?? "" });
      }
    }
    unitTests.push(...entries("unit_tests").map((entry) => ({ file, value: entry })));
    exposures.push(...entries("exposures").map((entry) => ({ file, value: entry })));
    for (const key of OTHERS) {
      const { length } = entries(key);
      if (length > 0) others.set(key, (others.get(key) ?? 0) + length);
    }
  }
  const none: ReadonlyMap<string, Entry> = new Map();
  return {
    models: models ?? none,
    seeds: seeds ?? none,
    snapshots: snapshots ?? none,
    sources,
    unitTests,
    exposures,
    others,
  };
}

/** What is said of each version of a model, by the name of its file. */
function versionsOf(entry: Dict): (readonly [string, Dict])[] {
  const { versions, ...common } = entry;
  return listOf(versions).filter(isRecord).map((version) => {
    const name = `${String(entry["name"])}_v${String(version["v"])}`;
    const config = merge(
      isRecord(common["config"]) ? common["config"] : {},
      isRecord(version["config"]) ? version["config"] : {},
    );
    const columns = versionColumns(listOf(common["columns"]), version["columns"]);
    return [optionalText(version["defined_in"]) ?? name, { ...common, ...version, config, columns }];
  });
}

/** `include: all` with `exclude` stands for the columns of the model. */
function versionColumns(common: readonly unknown[], own: unknown): unknown[] {
  if (own === undefined) return [...common];
  return listOf(own).flatMap((column) => {
    if (!isRecord(column) || !("include" in column)) return [column];
    const excluded = textsOf(column["exclude"]);
    const included = column["include"] === "all" || column["include"] === "*"
      ? undefined
      : textsOf(column["include"]);
    return common.filter((one) => {
      const name = isRecord(one) ? String(one["name"]) : "";
      return !excluded.includes(name) && (included === undefined || included.includes(name));
    });
  });
}
