import { createHash } from "node:crypto";
import type { TableLineage } from "../../contract/lineage/lineage.ts";

/** Where pages lie in the folder of static docs: names that every file system takes, and no two alike by case. */

export const STYLE_PATH = "assets/style.css";
export const ICON_PATH = "assets/icon.svg";
export const SCRIPT_PATH = "assets/docs.js";
export const SEARCH_PATH = "assets/search_index.js";
export const CATALOG_PATH = "catalog.json";
export const INDEX_PATH = "index.html";
export const MACROS_PATH = "macros.html";
export const PERSONAL_DATA_PATH = "personal_data.html";

export function pipelinePath(pipeline: string): string {
  return `pipelines/${fileName(pipeline)}/index.html`;
}

/** Of a stream or a model. */
export function tablePath(pipeline: string, table: Pick<TableLineage, "id" | "kind" | "name">): string {
  const name = table.kind === "stream" ? `raw.${fileName(table.name)}` : fileName(table.name);
  return `pipelines/${fileName(pipeline)}/${name}.html`;
}

/** The id of a column on its table's page. */
export function columnAnchor(column: string): string {
  return `column-${encodeURIComponent(column)}`;
}

/** From one page to another, as they lie in the folder. */
export function relativePath(from: string, to: string): string {
  return "../".repeat(from.split("/").length - 1) + to;
}

const PLAIN = /^[a-z0-9_][a-z0-9_-]{0,59}$/;
/** Such a name could be one that was made here. */
const MADE = /-[0-9a-f]{10}$/;
/** Of Windows, whatever comes behind the dot; and the page of the folder itself. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d|index)$/;
const HASH_DIGITS = 10;
const SHOWN_CHARS = 40;

/** The name itself where it is a plain one in small letters, else what can be written of it and a hash of it. */
export function fileName(name: string): string {
  if (PLAIN.test(name) && !MADE.test(name) && !RESERVED.test(name)) return name;
  const shown = name.toLowerCase().replace(/[^a-z0-9_]+/g, "-").replace(/^-+|-+$/g, "").slice(0, SHOWN_CHARS);
  const hash = createHash("sha256").update(name).digest("hex").slice(0, HASH_DIGITS);
  return `${shown === "" ? "x" : shown}-${hash}`;
}
