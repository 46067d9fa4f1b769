import type { ModelChange } from "../../contract/plan/plan.ts";
import { gathersRows, keepsRows } from "../build/model_change.ts";
import type { Model } from "../language/model.ts";

/**
 * What the next run does with the rows that a model has gathered, where it makes others now: see wayToBuild. Null where it
 * has gathered none. `isChanged` is false where only what it reads has changed.
 */
export function gatheredRows(before: Model, after: Model, isChanged: boolean): ModelChange["rebuild"] {
  if (!gathersRows(before)) return null;
  const again = `run --select ${after.name} --full-refresh`;
  if (!isChanged) {
    const stay = "what it reads has changed: rows that are there stay as they are";
    return { way: "append", text: keepsRows(after) ? stay : `${stay}, ${again} builds it anew` };
  }
  if (after.onChange === "full_refresh") {
    return { way: "full_refresh", text: "built anew, as on_change says" };
  }
  if (after.onChange === "append" && gathersRows(after)) {
    return { way: "append", text: "rows of before stay as they are, as on_change says" };
  }
  const what = gathersRows(after)
    ? "new rows would stand beside those that were made otherwise"
    : "the rows that it has gathered would be dropped";
  // A full refresh leaves it as it is.
  const ways = keepsRows(after)
    ? "`on_change: append` in its header keeps the old rows as they are"
    : `set on_change in its header, or ${again}`;
  return { way: "refused", text: `the next run stops here: ${what}; ${ways}` };
}
