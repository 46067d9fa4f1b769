/**
 * The table of a load in an environment, apart from production's: `analytics.daily` becomes `analytics_dev.daily`, and
 * `daily`, whose schema nobody has written, `daily_dev`. With `bySchema` false names have no schema. Parts in quotes and
 * `${param:…}` are as they were.
 */
export function suffixedTable(table: string, suffix: string, bySchema: boolean): string {
  const parts = bySchema ? partsOf(table) : [table];
  const at = Math.max(0, parts.length - 2);
  return parts.map((part, index) => index === at ? withSuffix(part, suffix) : part).join(".");
}

const QUOTES = ['"', "`", "]"];

function withSuffix(part: string, suffix: string): string {
  const trimmed = part.trimEnd();
  const end = trimmed.at(-1) ?? "";
  return QUOTES.includes(end) ? `${trimmed.slice(0, -1)}${suffix}${end}` : `${part}${suffix}`;
}

const PART = /(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|\$\{[^}]*\}|[^."`[$]|[[$"`])+/g;

/** Split at the dots that stand in no quotes and no place of a param. */
const partsOf = (table: string): readonly string[] => table.match(PART) ?? [table];

/** The path of a load's files in an environment: in a folder of its own. Undefined where it is no path below a root. */
export function pathInFolder(path: string, folder: string): string | undefined {
  const isBelow = !/^(?:[/\\~]|[A-Za-z]:)/.test(path) && !/^[a-z][a-z0-9+.-]*:\/\//i.test(path) &&
    !path.split(/[/\\]/).includes("..");
  return isBelow ? `${folder}/${path.replace(/^(?:\.\/)+/, "")}` : undefined;
}
