import { isRecord } from "../../../../text/is_record.ts";
import type { Context } from "../context/context.ts";
import { faultOf, type Findings } from "../findings.ts";
import type { Properties } from "./properties.ts";
import type { DbtFile, DbtProject, Dict } from "./read_project.ts";
import { folderSettings, merge } from "./settings.ts";

export type SettingsKind = "models" | "seeds" | "snapshots";

/** What dbt_project.yml and YAML files say of a file, with their templates worked out. */
export type FileSettings = (file: DbtFile, kind: SettingsKind) => Dict;

export function createFileSettings(
  project: DbtProject,
  properties: Properties,
  context: Pick<Context, "renderText">,
  findings: Findings,
): FileSettings {
  const known = new Map<string, Dict>();
  return (file, kind) => {
    const id = `${kind}:${file.path}:${file.name}`;
    const before = known.get(id);
    if (before !== undefined) return before;
    const entry = properties[kind].get(file.name);
    const written = entry === undefined ? {} : merge(
      Object.fromEntries(
        ["tags", "meta"].filter((key) => key in entry.value).map((key) => [key, entry.value[key]]),
      ),
      isRecord(entry.value["config"]) ? entry.value["config"] : {},
    );
    const settings = rendered(
      merge(folderSettings(project, kind, file), written),
      entry?.file ?? file.path,
      context,
      findings,
    );
    known.set(id, settings);
    return settings;
  };
}

/** Those that decide on what a table is: a template of another one that does not work is nothing to tell. */
const NEEDED = new Set(["enabled", "materialized", "column_types"]);

function rendered(
  settings: Dict,
  file: string,
  context: Pick<Context, "renderText">,
  findings: Findings,
): Dict {
  const valueOf = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(valueOf);
    if (isRecord(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, valueOf(item)]));
    }
    if (typeof value !== "string" || !/\{[{%]/.test(value)) return value;
    const text = context.renderText(value, file).trim();
    return text === "True" ? true : text === "False" ? false : text;
  };
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => {
      if (key.includes("hook")) return [key, value];
      try {
        return [key, valueOf(value)];
      } catch (error) {
        if (NEEDED.has(key)) findings.hand(file, `${key}: ${faultOf(error).message}`);
        return [key, undefined];
      }
    }),
  );
}
