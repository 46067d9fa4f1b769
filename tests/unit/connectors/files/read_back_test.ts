import { deepStrictEqual } from "node:assert/strict";
import * as v from "valibot";
import { readBack } from "../../../../connectors/files/load/read_back.ts";
import { loadSchema } from "../../../../connectors/files/options.ts";
import { globExpression } from "../../../../connectors/locations/pattern.ts";

Deno.test("readBack() names the target itself, whatever its name would match", () => {
  const streamPath = (path: string) => {
    const found = readBack(v.parse(loadSchema, { path }));
    return typeof found === "string" ? found : String(found.stream["path"]);
  };
  deepStrictEqual(streamPath("out/t.parquet"), "out/t.parquet");
  for (
    const [target, file, other] of [
      ["out[1]/", "out[1]/part-a.parquet", "out1/part-a.parquet"],
      ["a*/t?.parquet", "a*/t?.parquet", "ab/tx.parquet"],
    ] as const
  ) {
    const glob = globExpression(streamPath(target));
    deepStrictEqual([glob.test(file), glob.test(other)], [true, false], target);
  }
});
