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

/** `orders and customers`, `orders or customers`. */
export function afterText({ needs, pipelines }: AfterView): string {
  return listWords(pipelines, needs === "all" ? "and" : "or");
}
