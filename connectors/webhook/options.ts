import * as v from "valibot";
import { CSV_OPTIONS, hasOnlyOptions } from "../files/csv/csv_options.ts";
import { type StreamOptions, streamOptionsSchema } from "../files/options.ts";

/** A webhook of the stream's own pipeline. */
export interface WebhookStream {
  readonly webhook: string;
  /** How CSV is written, and types of columns. */
  readonly options: StreamOptions;
}

export const streamSchema: v.GenericSchema<unknown, WebhookStream> = v.pipe(
  v.strictObject({
    webhook: v.pipe(
      v.string(),
      v.nonEmpty("expected the name of a webhook"),
      v.description(
        "One of the pipeline's webhooks: the rows are those of the bodies that were posted to it.",
      ),
    ),
    options: v.optional(
      v.pipe(streamOptionsSchema, v.description("Settings of the connector for this stream.")),
      {},
    ),
  }),
  v.check(
    ({ options }) => hasOnlyOptions(options, CSV_OPTIONS),
    "a webhook has no other options than columns and those of CSV",
  ),
);
