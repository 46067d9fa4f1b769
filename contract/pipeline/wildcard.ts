import { nameFault } from "../names.ts";
import { isSameName } from "../sql.ts";
import type { LoadDefinition } from "./load.ts";

/** Streams that stand for many tables, as `stream: public.*`. */

/** Whether the stream's address is a pattern. What is in double quotes is a name, whatever is in it. */
export function isWildcard(definition: Readonly<Record<string, unknown>>): boolean {
  const stream = definition["stream"];
  return typeof stream === "string" && stream.includes("*") && !stream.includes('"');
}

/**
 * Whether the pattern means a table: `public.*` by its whole name, `order*` by its last part. `*` stands for any
 * text, a dot in it too.
 */
export function matchesTable(pattern: string, name: string): boolean {
  const source = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")).join(".*");
  const subject = pattern.includes(".") || pattern === "*" ? name : lastPart(name);
  return new RegExp(`^${source}$`, "su").test(subject);
}

/**
 * The name of a stream for a table: its own, with its schema where that is taken; undefined where neither can be one.
 */
export function streamNameOf(table: string, taken: readonly string[]): string | undefined {
  const clean = (text: string) => text.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^(?=\d)/, "_");
  return [clean(lastPart(table)), clean(table)].find((name) =>
    nameFault("stream", name) === undefined && !taken.some((other) => isSameName(other, name))
  );
}

/** `orders` of `public.orders`; a quoted name without its quotes. */
export function lastPart(name: string): string {
  const last = /(?:^|\.)(?:"((?:[^"]|"")*)"|([^."]*))$/.exec(name);
  return last?.[1]?.replaceAll('""', '"') ?? last?.[2] ?? name;
}

/** In the address of a wildcard's load: the name of the stream. */
export const STREAM_PLACE = "{stream}";

/** A wildcard's load as that of one of its streams, whose name is in the place of `{stream}`. */
export function loadOfStream(target: LoadDefinition, stream: string): LoadDefinition {
  const named = Object.entries(target).map(([key, value]) =>
    [key, typeof value === "string" ? value.replaceAll(STREAM_PLACE, stream) : value] as const
  );
  return { ...target, ...Object.fromEntries(named) };
}
