import * as v from "valibot";
import { isFromEnd, simplePath } from "./json_path.ts";

/** What endpoints of streams and of loads are written in. */

export const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
export const scalar = v.union([v.string(), v.number(), v.boolean()]);

const WAY_DOWN = "expected a way down through keys, as data.items or results[0].id";

/** A way down through the keys of a page or a body. */
export const path = v.pipe(
  text,
  v.check((path) => !isFromEnd(simplePath(path) ?? [-1]), WAY_DOWN),
);

/** One through those of a page, whose lists may be counted from their end. */
export const pagePath = v.pipe(
  text,
  v.check((path) => simplePath(path) !== undefined, `${WAY_DOWN}, or data[-1].id`),
);

/** A query; a list is the same name several times. */
export const params = v.record(text, v.union([scalar, v.array(scalar)]));

/** Of an endpoint: a status that is no failure. */
export const responseAction = v.strictObject({
  status_code: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(400),
    v.maxValue(499),
    v.description("The answer's status."),
  ),
  action: v.pipe(v.literal("ignore"), v.description("What it means: no failure.")),
});
