import assert from "node:assert/strict";
import { gatheredRows } from "../../../../sql/plan/gathered_rows.ts";
import { model } from "../fixtures.ts";

const gathering = (header: string) => model("m", `/* @sluice\n${header}\n*/\nSELECT 1 AS id`);

Deno.test("gatheredRows() names a full refresh only where that builds the model anew", () => {
  const merge = gathering("materialized: incremental\nprimary_key: [id]");
  const kept = gathering("materialized: incremental\nprimary_key: [id]\nfull_refresh: false");
  const history = gathering("materialized: scd2\nprimary_key: [id]");
  const open = gathering("materialized: scd2\nprimary_key: [id]\nfull_refresh: true");
  const anew = "run --select m --full-refresh";
  for (const isChanged of [true, false]) {
    for (const one of [merge, open]) {
      assert.ok(gatheredRows(one, one, isChanged)?.text.includes(anew));
    }
    for (const one of [kept, history]) {
      const text = gatheredRows(one, one, isChanged)?.text ?? "";
      assert.equal(text.includes("--full-refresh"), false, text);
    }
  }
  assert.match(gatheredRows(history, history, true)?.text ?? "", /`on_change: append`/);
});
