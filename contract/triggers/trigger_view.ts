import * as v from "valibot";
import { listWords } from "../../text/suggest.ts";
import { described } from "../described.ts";

/** What starts a pipeline beside its schedule, as the API and the pages show it. */

export const afterViewSchema = v.object({
  needs: described(
    v.picklist(["any", "all"]),
    "any: each success of one of them starts it. all: when each has succeeded since the last time.",
  ),
  pipelines: described(v.array(v.string()), "The names of the pipelines that it runs after."),
});
export type AfterView = v.InferOutput<typeof afterViewSchema>;

const time = v.pipe(v.string(), v.isoTimestamp());

export const sensorViewSchema = v.object({
  connector: described(v.string(), "The connector that has the files."),
  path: described(v.string(), "The file, or the glob."),
  every: described(v.string(), "How often it is looked for, as it is written."),
  timeout: described(
    v.nullable(v.string()),
    "Without a new file for so long, that is a problem; null for never.",
  ),
  looked_at: described(v.nullable(time), "When it was last looked for; null for never."),
  found: described(v.nullable(v.string()), "What was found last; null for nothing so far."),
  found_at: described(v.nullable(time), "When that was."),
  problem: described(
    v.nullable(v.string()),
    "Why the last look failed, or that there was nothing new for longer than timeout; null where all is well.",
  ),
});
export type SensorView = v.InferOutput<typeof sensorViewSchema>;

/** `orders and customers`, `orders or customers`. */
export function afterText({ needs, pipelines }: AfterView): string {
  return listWords(pipelines, needs === "all" ? "and" : "or");
}
