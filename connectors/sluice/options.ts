import * as v from "valibot";
import { parsePublishedName } from "../../contract/snapshots/source.ts";

const noOptions = v.strictObject({});

export const streamSchema = v.strictObject({
  stream: v.pipe(
    v.string(),
    v.check(
      (text) => parsePublishedName(text) !== undefined,
      "expected a pipeline and a model that it publishes, as shop.daily_revenue",
    ),
    v.description("A model that another pipeline publishes, as shop.daily_revenue."),
  ),
  options: v.optional(
    v.pipe(noOptions, v.description("Settings of the connector for this stream: none yet.")),
    {},
  ),
});
export type SluiceStream = v.InferOutput<typeof streamSchema>;
