import * as v from "valibot";
import { simplePath } from "./json_path.ts";

/** What endpoints of streams and of loads are written in. */

export const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const scalar = v.union([v.string(), v.number(), v.boolean()]);

/** A way down through the keys of a page or a body. */
export const path = v.pipe(
  text,
  v.check(
    (path) => simplePath(path) !== undefined,
    "expected a way down through keys, as data.items or results[0].id",
  ),
);

/** A query; a list is the same name several times. */
export const params = v.record(text, v.union([scalar, v.array(scalar)]));

/** Of an endpoint: statuses that are no failure. */
export const responseActions = v.array(v.strictObject({
  status_code: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(400),
    v.maxValue(499),
    v.description("The answer's status."),
  ),
  action: v.pipe(v.literal("ignore"), v.description("What it means: no failure.")),
}));
