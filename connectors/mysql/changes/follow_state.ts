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
});

/** A stream's state: all that was committed before `position` is in its rows. */
export interface FollowState {
  readonly server: string;
  readonly position: Place;
  readonly begun: { readonly file: string; readonly at: number } | null;
  readonly facts: TableFacts;
}

export function readState({ state }: FollowedStream<MysqlStream>): FollowState | undefined {
  if (state === undefined) return undefined;
  const parsed = v.safeParse(stateSchema, state);
  if (!parsed.success) return undefined;
  const { server, position, begun, ...facts } = parsed.output;
  return { server, position: parsePlace(position), begun, facts };
}

export const writeState = ({ server, position, begun, facts }: FollowState) => ({
  ...facts,
  server,
  position: writePlace(position),
  begun,
});
