import * as v from "valibot";
import { described } from "./described.ts";

/** How the columns of a stream's table came to be what they are. */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const schemaChangeSchema = v.object({
  kind: described(v.picklist(["added", "type", "dropped", "renamed"]), "What kind of change it is."),
  column: described(v.string(), "The column's name."),
  message: described(v.string(), "What has changed, for a person."),
});
export type SchemaChange = v.InferOutput<typeof schemaChangeSchema>;

export const streamSchemaSchema = v.object({
  stream: described(v.string(), "The stream's name."),
  versions: described(
    v.array(v.object({
      version: described(count, "Counts from 1."),
      run: described(v.string(), "The run that found it so."),
      changed_at: described(v.pipe(v.string(), v.isoTimestamp()), "When that was."),
      columns: described(
        v.array(v.object({
          name: described(v.string(), "The column's name."),
          type: described(v.string(), "As DuckDB writes it, DECIMAL(18,2)."),
        })),
        "The columns of the stream's table, in order.",
      ),
      missing: described(v.array(v.string()), "Those that the source did not have then."),
      changes: described(v.array(schemaChangeSchema), "What is other than in the version before."),
    })),
    "The newest first, 100 at most; empty before the first run.",
  ),
});
export type StreamSchema = v.InferOutput<typeof streamSchemaSchema>;
