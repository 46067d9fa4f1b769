import { type Column, findColumn } from "../../../contract/sql.ts";
import type { Fault } from "../../../text/fault.ts";
import type { StreamColumns, StreamSchemas } from "./schemas_file.ts";

/** A file with this many differences of one stream is old as a whole. */
const MAX_SHOWN = 5;

/** What the file says otherwise than the source does now, each stream a warning. */
export function schemaDifferences(schemas: StreamSchemas, asked: StreamColumns): Fault[] {
  return Object.entries(asked).flatMap(([stream, now]) => {
    const kept = schemas.columns[stream];
    const differences = kept === undefined ? [] : differencesOf(kept, now);
    if (kept !== undefined && differences.length === 0) return [];
    const more = differences.length > MAX_SHOWN ? ` and ${differences.length - MAX_SHOWN} more` : "";
    const what = kept === undefined
      ? `raw.${stream} is not in it`
      : `raw.${stream} is otherwise now: ${differences.slice(0, MAX_SHOWN).join(", ")}${more}`;
    return [{
      ...schemas.place(stream),
      message: `${what}; \`sluice check --write-schemas\` writes it anew`,
      severity: "warning" as const,
    }];
  });
}

function differencesOf(kept: readonly Column[], now: readonly Column[]): string[] {
  return [
    ...now.flatMap(({ name, type }) => {
      const before = findColumn(kept, name);
      if (before === undefined) return [`${name} ${type} is new`];
      return before.type === type ? [] : [`${name} was ${before.type} and is ${type}`];
    }),
    ...kept.filter(({ name }) => findColumn(now, name) === undefined).map(({ name }) => `${name} is gone`),
  ];
}
