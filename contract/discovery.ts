import * as v from "valibot";
import type { JsonValue } from "./json.ts";
import { described } from "./described.ts";

/** What can be found out of a project's connectors before a pipeline reads them. */

export const connectorSummarySchema = v.object({
  name: described(v.string(), "Its name in connectors.yaml."),
  type: described(v.string(), "What kind of system it is."),
  description: described(v.string(), "What its type is, for a person."),
});
export type ConnectorSummary = v.InferOutput<typeof connectorSummarySchema>;

/** Any JSON. A document that says what it is needs a name for it, since it holds itself. */
export const jsonValueSchema: v.GenericSchema<JsonValue> = v.union([
  v.string(),
  v.number(),
  v.boolean(),
  v.null(),
  v.array(v.lazy(() => jsonValueSchema)),
  v.record(v.string(), v.lazy(() => jsonValueSchema)),
]);

export const connectionCheckSchema = v.object({
  name: described(
    v.string(),
    "What was tried: connect (configuration, where there is nothing to ask), list, read, write.",
  ),
  state: described(
    v.picklist(["ok", "missing", "failed", "skipped"]),
    "missing: it may not be done, which matters where a pipeline needs it. skipped: it does not apply, or something before it failed.",
  ),
  message: described(
    v.string(),
    "What was found, and for a failure what to do about it, as the grant that is missing.",
  ),
});
export type ConnectionCheck = v.InferOutput<typeof connectionCheckSchema>;

/** What works of a connector, and what is missing. */
export const connectorTestSchema = v.object({
  connector: described(v.string(), "Its name."),
  ok: described(v.boolean(), "Whether nothing failed."),
  checks: described(v.array(connectionCheckSchema), "In the order in which they were tried."),
});
export type ConnectorTest = v.InferOutput<typeof connectorTestSchema>;

/** A stream that a source has, whether or not a pipeline reads it. */
export const sourceStreamSchema = v.object({
  name: described(v.string(), "For people and for the name in a pipeline, as public.orders."),
  kind: described(v.picklist(["table", "view", "file"]), "What it is in its system."),
  address: described(
    v.record(v.string(), jsonValueSchema),
    'The stream\'s own keys that read it, as {"stream": "public.orders"}.',
  ),
  columns: described(
    v.array(v.object({
      name: described(v.string(), "The column's name."),
      type: described(v.string(), "As DuckDB writes it, DECIMAL(18,2)."),
      nullable: described(v.boolean(), "Whether it may hold NULL."),
    })),
    "Empty where they are not known.",
  ),
  primary_key: described(v.array(v.string()), "The columns that identify a row; empty for none."),
  rows: described(v.nullable(v.number()), "An estimate; null where the source has none."),
  size_bytes: described(v.nullable(v.number()), "Its size in its system; null where that is not known."),
});
export type SourceStream = v.InferOutput<typeof sourceStreamSchema>;
