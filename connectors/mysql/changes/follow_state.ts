import * as v from "valibot";
import type { FollowedStream } from "../../../contract/connector/source.ts";
import type { MysqlStream } from "../options.ts";
import { columnFactsSchema } from "./column_facts.ts";
import { parsePlace, type Place, writePlace } from "./log/place.ts";

const tableFactsSchema = v.object({
  /** Its own name. */
  table: v.string(),
  /** All of them, in the order in which the log has them. */
  columns: v.array(columnFactsSchema),
  /** The names of those that are read. */
  read: v.array(v.string()),
});
/** What is known of a table at one moment, kept in the stream's state to see what changes. */
export type TableFacts = v.InferOutput<typeof tableFactsSchema>;

const stateSchema = v.object({
  ...tableFactsSchema.entries,
  /** Which server's log it is. */
  server: v.string(),
  position: v.string(),
  /** When the log's file was begun, in seconds: another file of the same name has another time. */
  begun: v.nullable(v.object({ file: v.string(), at: v.number() })),
  /** What its server had committed up to `position`; null where that is not known. */
  gtids: v.optional(v.nullable(v.string()), null),
  /** What stands in its log behind `position`, and is in the rows nevertheless: it came from another server. */
  taken: v.optional(v.nullable(v.string()), null),
});

/** A stream's state: all that was committed before `position` is in its rows, and `taken`. */
export interface FollowState {
  readonly server: string;
  readonly position: Place;
  readonly begun: { readonly file: string; readonly at: number } | null;
  readonly gtids: string | null;
  readonly taken: string | null;
  readonly facts: TableFacts;
}

export function readState({ state }: Pick<FollowedStream<MysqlStream>, "state">): FollowState | undefined {
  if (state === undefined) return undefined;
  const parsed = v.safeParse(stateSchema, state);
  if (!parsed.success) return undefined;
  const { server, position, begun, gtids, taken, ...facts } = parsed.output;
  return { server, position: parsePlace(position), begun, gtids, taken, facts };
}

export const writeState = ({ server, position, begun, gtids, taken, facts }: FollowState) => ({
  ...facts,
  server,
  position: writePlace(position),
  begun,
  // An empty set says of no server where it was left.
  gtids: gtids === "" ? null : gtids,
  taken,
});
