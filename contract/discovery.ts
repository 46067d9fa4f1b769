import * as v from "valibot";
import type { JsonValue } from "./json.ts";

/** What can be found out of a project's connectors before a pipeline reads them. */

export const connectorSummarySchema = v.object({
  name: v.string(),
  type: v.string(),
  /** What its type is, for a person. */
  description: v.string(),
});
export type ConnectorSummary = v.InferOutput<typeof connectorSummarySchema>;

const json: v.GenericSchema<JsonValue> = v.lazy(() =>
  v.union([v.string(), v.number(), v.boolean(), v.null(), v.array(json), v.record(v.string(), json)])
);

/** A stream that a source has, whether or not a pipeline reads it. */
export const sourceStreamSchema = v.object({
  /** For people and for the name in a pipeline, as `public.orders`. */
  name: v.string(),
  kind: v.picklist(["table", "view", "file"]),
  /** The stream's own keys that read it, as `{ stream: "public.orders" }`. */
  address: v.record(v.string(), json),
  columns: v.array(v.object({ name: v.string(), type: v.string(), nullable: v.boolean() })),
  primary_key: v.array(v.string()),
  /** An estimate; null where the source has none. */
  rows: v.nullable(v.number()),
  size_bytes: v.nullable(v.number()),
});
export type SourceStream = v.InferOutput<typeof sourceStreamSchema>;
