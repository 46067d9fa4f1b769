import { deepStrictEqual } from "node:assert/strict";
import type { LiveChanges } from "../../../../../engine/definitions/live/live_changes.ts";
import { changeLines, countsText } from "../../../../../server/cli/dev/dev_text.ts";

const NONE: LiveChanges = { appeared: [], gone: [], tables: [], affected: [] };

Deno.test("changeLines() says what has changed, errors first, without what could steer the terminal", () => {
  deepStrictEqual(
    changeLines({
      appeared: [
        { file: "a.sql", message: "odd", severity: "warning" },
        { file: "a.sql", line: 2, column: 3, message: "wrong\u001b[2J", severity: "error" },
      ],
      gone: [{ file: "b.sql", message: "was wrong", severity: "error" }],
      tables: [
        {
          pipeline: "shop",
          table: "daily",
          change: "changed",
          columns: {
            added: [{ name: "more", type: "DATE" }],
            removed: [{ name: "old\n", type: "DATE" }],
            retyped: [{ name: "total", from: "INTEGER", to: "BIGINT" }],
          },
        },
        {
          pipeline: "shop",
          table: "new",
          change: "added",
          columns: { added: [{ name: "x", type: "INTEGER" }], removed: [], retyped: [] },
        },
        {
          pipeline: "shop",
          table: "raw.gone",
          change: "removed",
          columns: { added: [], removed: [], retyped: [] },
        },
      ],
      affected: [{ pipeline: "shop", step: "model:weekly" }, { pipeline: "shop", step: "load:weekly→lake" }],
    }),
    [
      "~ shop.daily: + more DATE, - old , total INTEGER → BIGINT",
      "+ shop.new: x INTEGER",
      "- shop.raw.gone",
      "  read by shop.weekly, load:weekly→lake",
      "✓ b.sql: was wrong",
      "a.sql:2:3: wrong[2J",
      "a.sql: warning: odd",
    ],
  );
});

Deno.test("changeLines() is short where much has changed", () => {
  const columns = { added: [], removed: [], retyped: [] };
  const many = Array.from({ length: 300 }, (_, n) => n);
  const lines = changeLines({
    ...NONE,
    appeared: many.map((n) => ({ file: `${n}.sql`, message: "wrong", severity: "error" })),
    tables: many.map((n) => ({ pipeline: "p", table: `m${n}`, change: "changed", columns })),
    affected: many.map((n) => ({ pipeline: "p", step: `model:a${n}` })),
  });
  deepStrictEqual(lines.length, 21 + 1 + 21);
  deepStrictEqual(lines.at(-1), "and 280 more");
});

Deno.test("countsText() counts errors and warnings", () => {
  const fault = { file: "a", message: "b" };
  deepStrictEqual(countsText([]), "no errors");
  deepStrictEqual(countsText([{ ...fault, severity: "error" }]), "1 error");
  deepStrictEqual(countsText([{ ...fault, severity: "warning" }]), "no errors, 1 warning");
});
