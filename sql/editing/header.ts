import { scanSql } from "../language/scan_sql.ts";
import type { SqlRange } from "./read_scopes.ts";

const OPENING = /^\/\*\s*@sluice(?=\s|\*\/|$)/;

/** Where the YAML of a model's header stands, between `@sluice` and the end of its comment; undefined without one. */
export function headerYaml(sql: string): SqlRange | undefined {
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind === "space") continue;
    if (kind !== "comment") return undefined;
    const comment = sql.slice(start, end);
    const opening = OPENING.exec(comment)?.[0];
    if (opening === undefined) continue;
    return { start: start + opening.length, end: comment.endsWith("*/") ? end - 2 : end };
  }
  return undefined;
}
