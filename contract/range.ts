import * as v from "valibot";
import { described } from "./described.ts";

/** The rows that a run reads again: of each stream with an update_key those from `from` until before `to`. */
export const rangeSchema = v.object({
  from: described(v.string(), "The least update_key, as text."),
  to: described(v.string(), "Until before this update_key, as text."),
});
export type Range = v.InferOutput<typeof rangeSchema>;
