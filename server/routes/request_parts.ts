import * as v from "valibot";

/** Parts of requests that several routes have. */

export const nameParams = v.object({
  name: v.pipe(v.string(), v.description("The pipeline's name.")),
});

export const idParams = v.object({
  id: v.pipe(v.string(), v.description("The run's id.")),
});

/** A whole number in a query string or header, from `minimum` to `maximum`. */
export function integerText(minimum: number, maximum: number) {
  return v.pipe(
    v.string(),
    v.regex(/^\d{1,16}$/, "expected a whole number"),
    v.transform(Number),
    v.number(),
    v.integer(),
    v.minValue(minimum),
    v.maxValue(maximum),
  );
}

/** A moment in a query string. */
export const moment = (what: string) =>
  v.exactOptional(
    v.pipe(v.string(), v.description(`${what}: a date, a time, or how long ago, as 7d.`)),
  );
