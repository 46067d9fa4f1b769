import { equal } from "node:assert/strict";
import { pathInFolder, suffixedTable } from "../../../../../engine/definitions/environments/place_apart.ts";

Deno.test("suffixedTable() puts the suffix behind the schema, and behind the table where there is none", () => {
  for (
    const [table, expected] of [
      ["analytics.daily", "analytics_dev.daily"],
      ["daily", "daily_dev"],
      ['"my.schema"."a table"', '"my.schema_dev"."a table"'],
      ["`shop`.orders", "`shop_dev`.orders"],
      ['"a ""quoted"" table"', '"a ""quoted"" table_dev"'],
      ["${param:schema}.daily", "${param:schema}_dev.daily"],
      ["analytics.${param:table}", "analytics_dev.${param:table}"],
      ["db.analytics.daily", "db.analytics_dev.daily"],
      ["[dbo].[daily]", "[dbo_dev].[daily]"],
    ] as const
  ) equal(suffixedTable(table, "_dev", true), expected, table);
  equal(suffixedTable("a.b", "_dev", false), "a.b_dev");
});

Deno.test("pathInFolder() stays below the root, and says no to what is not below it", () => {
  equal(pathInFolder("out/daily.csv", "dev"), "dev/out/daily.csv");
  equal(pathInFolder("./out/", "dev"), "dev/out/");
  for (const path of ["/out/daily.csv", "../daily.csv", "a/../../b", "~/x", "C:\\x", "\\\\x", "s3://b/k"]) {
    equal(pathInFolder(path, "dev"), undefined, path);
  }
});
