import { stringify } from "yaml";

/** A file of the new project; `path` from its folder. */
export interface PlannedFile {
  readonly path: string;
  readonly content: string;
}

export const yamlText = (value: unknown): string => stringify(value, { lineWidth: 0 });

/** Deeper lists and mappings that are short stand on one line. */
export function modelText(header: Record<string, unknown>, sql: string): string {
  const text = `${tidy(sql)}\n`;
  if (Object.keys(header).length === 0) return text;
  // Comments nest in DuckDB, and the header is one.
  const yaml = yamlText(header).replaceAll("/*", "/ *").replaceAll("*/", "* /");
  return `/* @sluice\n${yaml}*/\n${text}`;
}

/** What tags leave behind: blank lines, white space at the ends of lines, and dbt allows a `;` at the end. */
function tidy(sql: string): string {
  return sql
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{3,}/g, "\n\n")
    .replace(/^\n+/, "")
    .replace(/[\s;]+$/, "");
}
