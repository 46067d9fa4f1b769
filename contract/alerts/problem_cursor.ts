import { unknownCursor } from "../lists/page.ts";
import type { Problem } from "./problem.ts";

/** A place in the list of problems, of which the open ones come first: the cursor says it all, as problems move in it. */
export interface ProblemPlace {
  readonly isOpen: boolean;
  /** When it was last seen, or was over. */
  readonly atMs: number;
  readonly id: string;
}

export function problemCursor({ id, last_at, closed_at }: Problem): string {
  return `${closed_at === null ? "open" : "closed"}.${Date.parse(closed_at ?? last_at)}.${id}`;
}

/** Throws invalid (reason unknown_cursor). */
export function problemPlace(cursor: string): ProblemPlace {
  const [, state, atMs, id = ""] = /^(open|closed)\.(\d{1,15})\.([0-9A-Z]{1,30})$/.exec(cursor) ?? [];
  if (state === undefined) throw unknownCursor("problems", cursor);
  return { isOpen: state === "open", atMs: Number(atMs), id };
}
