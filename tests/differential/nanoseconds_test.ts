import { deepStrictEqual, match } from "node:assert/strict";
import { SECOND_READERS } from "../runner/second_readers.ts";
import { FileBench } from "../unit/connectors/files/file_bench.ts";

const WRITE = `
import datetime, sys
import pyarrow, pyarrow.parquet
at = pyarrow.array([1706781600123456789, None], pyarrow.timestamp("ns", tz="Europe/Paris"))
pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "moment": at}), sys.argv[1])
`;

Deno.test("an instant of nanoseconds in Parquet is refused, unless its microseconds are asked for", async () => {
  await using bench = await FileBench.create();
  const { code, stderr } = await new Deno.Command(Deno.env.get(SECOND_READERS) ?? "python3", {
    args: ["-c", WRITE, `${bench.folder}/a.parquet`],
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const message = await bench.failure("invalid", bench.read("a.parquet"));
  match(message, /a\.parquet.*row 1.*column "moment" is a timestamp of nanoseconds with a zone.*TIMESTAMPTZ/);
  const { rows } = await bench.read(
    "a.parquet",
    { columns: { moment: "TIMESTAMPTZ" } },
    "SELECT id, moment::VARCHAR FROM t ORDER BY id",
  );
  deepStrictEqual(rows, [[1, "2024-02-01 10:00:00.123456+00"], [2, null]]);
});
