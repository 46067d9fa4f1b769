import * as v from "valibot";
import type { RateLimit } from "../../contract/connector/connector.ts";
import { duration, durationMs } from "../../contract/pipeline/words.ts";

/** `{requests: 10, per: 1s}`, as connectors.yaml and streams of scripts write it. */
export const rateLimit = v.strictObject({
  requests: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000), v.description("So many.")),
  per: v.optional(v.pipe(duration, v.description("In any time so long, as 1s or 1m.")), "1s"),
});

export type WrittenRate = v.InferOutput<typeof rateLimit>;

export const rateLimitOf = ({ requests, per }: WrittenRate): RateLimit => ({
  requests,
  perMs: durationMs(per),
});
