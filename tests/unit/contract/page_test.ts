import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { problemCursor, problemPlace } from "../../../contract/alerts/problem_cursor.ts";
import type { Problem } from "../../../contract/alerts/problem.ts";
import { AppError } from "../../../contract/errors.ts";
import { boundedLimit, itemsBehind, MAX_PAGE, readPages } from "../../../contract/lists/page.ts";

const isUnknown = (error: unknown) => error instanceof AppError && error.reason === "unknown_cursor";

/** A list as the API gives it, and the limits that were asked for. */
function listOf(count: number) {
  const all = Array.from({ length: count }, (_, index) => String(index));
  const limits: number[] = [];
  const read = ({ limit, cursor }: { limit: number; cursor?: string }) => {
    limits.push(limit);
    return Promise.resolve(itemsBehind("things", all, (item) => item, cursor).slice(0, limit));
  };
  return { all, limits, read };
}

Deno.test("readPages() asks for as much as is wanted, in pages, and stops where the list ends", async () => {
  const { all, limits, read } = listOf(1_001);
  deepStrictEqual(await readPages(Infinity, read, (item) => item), all);
  deepStrictEqual(limits.splice(0), [500, 500, 500]);
  deepStrictEqual(await readPages(700, read, (item) => item), all.slice(0, 700));
  deepStrictEqual(limits.splice(0), [500, 200]);
  deepStrictEqual(await readPages(1, read, (item) => item), ["0"]);
  deepStrictEqual(await readPages(Infinity, listOf(500).read, (item) => item), all.slice(0, 500));
  deepStrictEqual(await readPages(Infinity, listOf(0).read, (item) => item), []);
});

Deno.test("itemsBehind() refuses a cursor that names nothing", async () => {
  const { read } = listOf(3);
  deepStrictEqual(await read({ limit: 9, cursor: "1" }), ["2"]);
  deepStrictEqual(await read({ limit: 9, cursor: "2" }), []);
  await rejects(async () => await read({ limit: 9, cursor: "x" }), isUnknown);
});

Deno.test("boundedLimit() is from 1 to one more than a page", () => {
  deepStrictEqual([-1, 0, 1, 500, 501, 502].map((limit) => boundedLimit(limit)), [1, 1, 1, 500, 501, 501]);
  strictEqual(MAX_PAGE, 500);
});

Deno.test("a problem's cursor is its place, and anything else is refused", () => {
  const problem: Problem = {
    id: "01K0PROBLEM",
    key: "a failure",
    kind: "failure",
    pipeline: "a",
    run: null,
    message: "",
    opened_at: "1970-01-01T00:00:01.000Z",
    last_at: "1970-01-01T00:00:02.000Z",
    count: 1,
    closed_at: null,
    acknowledged_by: null,
    acknowledged_at: null,
    muted_until: null,
  };
  deepStrictEqual(problemPlace(problemCursor(problem)), { isOpen: true, atMs: 2_000, id: "01K0PROBLEM" });
  const closed = { ...problem, closed_at: "1970-01-01T00:00:03.000Z" };
  deepStrictEqual(problemPlace(problemCursor(closed)), { isOpen: false, atMs: 3_000, id: "01K0PROBLEM" });
  for (const text of ["", "open", "open.1.", "shut.1.A", "open.-1.A", "open.1.a'b", "open.1e3.A"]) {
    throws(() => problemPlace(text), isUnknown);
  }
});
