import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { formatTable } from "../../../../server/cli/table.ts";
import { shortRunId } from "../../../../server/cli/text.ts";

Deno.test("formatTable() lines columns up, wide characters counted as one", () => {
  const table = formatTable([{ title: "NAME" }, { title: "ROWS", align: "right" }], [["é", "1"], [
    "orders",
    "12,000",
  ]]);
  strictEqual(table, ["NAME      ROWS", "é            1", "orders  12,000"].join("\n"));
});

Deno.test("formatTable() keeps a cell on one line and from steering the terminal", () => {
  strictEqual(formatTable([{ title: "A" }], [["x\ny\x1b[2J"]]), "A\nx y[2J");
});

Deno.test("formatTable() fits a width: shorter cells, then fewer columns, then cut ones, and no more than needed", () => {
  const columns = [
    { title: "RUN", short: shortRunId },
    { title: "NAME", minWidth: 6 },
    { title: "A", mayGo: true },
    { title: "B", mayGo: true },
  ];
  const rows = [["01M8BQ8M5E52W8QQ63W9EPMH41", "a long name", "aaaa", "bbbb"], ["x", "y", "a", "b"]];
  const fitted = (width: number) => formatTable(columns, rows, width).split("\n").slice(0, 2);
  deepStrictEqual(fitted(51), [
    "RUN                         NAME         A     B",
    "01M8BQ8M5E52W8QQ63W9EPMH41  a long name  aaaa  bbbb",
  ]);
  deepStrictEqual(fitted(50), ["RUN       NAME         A     B", "W9EPMH41  a long name  aaaa  bbbb"]);
  deepStrictEqual(fitted(27), ["RUN       NAME         A", "W9EPMH41  a long name  aaaa"]);
  deepStrictEqual(fitted(26), ["RUN       NAME", "W9EPMH41  a long name"]);
  deepStrictEqual(fitted(20), ["RUN       NAME", "W9EPMH41  a long na…"]);
  // Never below what a column needs to be told from its neighbours.
  deepStrictEqual(fitted(5), ["RUN       NAME", "W9EPMH41  a lon…"]);
});
