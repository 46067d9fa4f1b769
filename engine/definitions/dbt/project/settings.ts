import { isRecord } from "../../../../text/is_record.ts";
import type { DbtFile, DbtProject, Dict } from "./read_project.ts";

/** Settings of dbt_project.yml for a folder: those of higher folders, deeper ones before them. */

/** Keys of a configuration that hold a mapping themselves. */
const MAPPINGS = new Set([
  "meta",
  "column_types",
  "persist_docs",
  "grants",
  "contract",
  "docs",
  "partition_by",
]);

/** What all dbt_project.yml say of a file: that of its package first, then the project's own, which wins. */
export function folderSettings(
  project: DbtProject,
  kind: "models" | "seeds" | "snapshots",
  file: Pick<DbtFile, "package" | "folders" | "name">,
  withFile = true,
): Dict {
  const path = [file.package.name, ...file.folders, ...(withFile ? [file.name] : [])];
  const layers = file.package === project.root ? [project.root] : [file.package, project.root];
  return layers.reduce<Dict>((merged, { settings }) => {
    let at: unknown = settings[kind];
    let result = merge(merged, ownSettings(at));
    for (const part of path) {
      at = isRecord(at) ? at[part] : undefined;
      if (!isRecord(at)) break;
      result = merge(result, ownSettings(at));
    }
    return result;
  }, {});
}

function ownSettings(at: unknown): Dict {
  if (!isRecord(at)) return {};
  return Object.fromEntries(
    Object.entries(at).flatMap(([key, value]) => {
      const name = key.replace(/^\+/, "");
      const isSetting = key.startsWith("+") || MAPPINGS.has(name) || !isRecord(value);
      return isSetting ? [[name, value]] : [];
    }),
  );
}

/** Later ones win; tags and hooks add up, and so do the entries of meta and column_types. */
export function merge(first: Dict, second: Dict): Dict {
  const merged: Record<string, unknown> = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const before = merged[key];
    if (["tags", "pre-hook", "post-hook", "pre_hook", "post_hook"].includes(key)) {
      merged[key] = [...new Set([...listOf(before), ...listOf(value)])];
    } else if (isRecord(before) && isRecord(value)) merged[key] = { ...before, ...value };
    else merged[key] = value;
  }
  return merged;
}

export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export const textsOf = (value: unknown): string[] => listOf(value).map(String);

export const optionalText = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
