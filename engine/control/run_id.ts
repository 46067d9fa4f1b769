import { AppError } from "../../contract/errors.ts";
import { listWords } from "../../text/suggest.ts";
import type { RunStore } from "../store/ports/runs.ts";

/** A ULID: what every run is called. */
const WHOLE_LENGTH = 26;
/** Part of an id, in letters of either case; fewer letters would be a guess. */
const PART = /^[0-9a-z]{4,25}$/i;
const MAX_NAMED = 3;

/**
 * The whole id of the run that `text` names: an id, the beginning of one, or the end of one, as the pages
 * show it. `text` itself where no run is like it. Throws conflict where several are.
 */
export async function wholeRunId(runs: Pick<RunStore, "idsLike">, text: string): Promise<string> {
  if (text.length === WHOLE_LENGTH || !PART.test(text)) return text;
  const found = await runs.idsLike(text.toUpperCase(), MAX_NAMED + 1);
  const [first, second] = found;
  if (first === undefined) return text;
  if (second === undefined) return first;
  const named = found.length > MAX_NAMED ? [...found.slice(0, MAX_NAMED), "others"] : found;
  throw new AppError("conflict", `"${text}" names several runs: ${listWords(named)}. Write more of the id`, {
    reason: "ambiguous_run",
  });
}
