import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { SECOND_READERS } from "../runner/second_readers.ts";
import { describeFailures } from "./failures.ts";
import { compareAgain, runRound } from "./round.ts";
import { DifferentialServers } from "./systems.ts";

/** The small form: always the same tables. `deno task differential` has the large one. */
const SEED = 20_240_229;
const TABLES = 24;
const MOST_ROWS = 20;

Deno.test("what Sluice reads and writes is the same to pyarrow, Python and psql, value by value", async () => {
  const python = Deno.env.get(SECOND_READERS) ?? "python3";
  await using servers = await DifferentialServers.acquire();
  await using systems = await servers.systems();
  const folder = await Deno.makeTempDir({ prefix: "sluice-differential-" });
  try {
    const round = { python, folder, systems };
    const report = await runRound({
      ...round,
      what: { seed: SEED, tables: TABLES, most_rows: MOST_ROWS, long_share: 0 },
    });
    if (report.differences.length > 0) {
      await using other = await servers.systems();
      const smaller = { folder: join(folder, "smaller"), systems: other };
      await Deno.mkdir(smaller.folder);
      throw new Error(await describeFailures(report, { ...round, smaller }));
    }
    ok(
      report.compared > TABLES * 6,
      `only ${report.compared} loads were compared: ${JSON.stringify(report.refusals)}`,
    );

    const written = join(folder, "project", "out", "t0.csv");
    const text = await Deno.readTextFile(written);
    await Deno.writeTextFile(written, text.replace("\n1,", "\n100001,"));
    const { differences } = await compareAgain(python, folder);
    deepStrictEqual(differences.map(({ table, destination }) => [table, destination]), [["t0", "csv"]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
