import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copy } from "../support/copy_folder.ts";
import { destinationRows } from "../support/destination_rows.ts";
import { sluiceArgs } from "../support/sluice_server.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));
/** What is left behind by whoever tried the example in the checkout. */
const isOurs = (name: string) => name !== "out" && name !== ".sluice";

/** A copy of an example in a folder of its own, and the command line on it. */
class Example implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async open(name: string): Promise<Example> {
    const dir = await Deno.makeTempDir({ prefix: "sluice_example_" });
    await copy(join(EXAMPLES, name), dir, isOurs);
    return new Example(dir);
  }

  async sluice(...args: string[]): Promise<{ code: number; output: string; last: string }> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: sluiceArgs(...args, "--project", this.dir),
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    return {
      code,
      output: text + new TextDecoder().decode(stderr),
      last: text.trim().split("\n").at(-1) ?? "",
    };
  }

  async run(pipeline: string, ...args: string[]): Promise<Outcome> {
    const { code, output, last } = await this.sluice("run", pipeline, "--quiet", "--json", ...args);
    assert.equal(code, 0, output);
    return JSON.parse(last);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

interface Outcome {
  readonly state: string;
  readonly rows_extracted: number;
  readonly steps: readonly { readonly name: string; readonly state: string; readonly rows: number | null }[];
}

const rowsOf = (outcome: Outcome, step: string) => outcome.steps.find(({ name }) => name === step)?.rows;

Deno.test("the quickstart checks, runs with its one warning, and leaves what its README says", async () => {
  await using example = await Example.open("quickstart");
  const checked = await example.sluice("check", "--json");
  assert.equal(checked.code, 0, checked.output);
  assert.deepEqual(JSON.parse(checked.last), { ok: true, faults: [], pipelines: 1, models: 7, written: [] });

  const first = await example.run("quickstart");
  assert.equal(first.state, "succeeded");
  assert.equal(rowsOf(first, "extract:flights"), 12_208);
  const unusual = first.steps.filter(({ state }) => state !== "succeeded");
  assert.deepEqual(unusual.map(({ name, state, rows }) => [name, state, rows]), [
    ["check:stg_flights.relationships_tailnum", "warned", 1_952],
  ]);
  const rows = await destinationRows(join(example.dir, "out"));
  assert.deepEqual(Object.fromEntries(Object.entries(rows).map(([name, found]) => [name, found.length])), {
    "quickstart.sqlite carrier_ranking": 11,
    "quickstart.sqlite daily_delays": 42,
    "quickstart.sqlite delay_trend": 42,
    "flights": 12_208,
  });
  const csv = await Deno.readTextFile(join(example.dir, "out/delay_trend.csv"));
  assert.equal(csv.trim().split("\n").length, 43);

  const second = await example.run("quickstart");
  assert.equal(rowsOf(second, "model:daily_delays"), 3, "only the last day is counted again");
  assert.deepEqual(await destinationRows(join(example.dir, "out")), rows, "a second run changes nothing");
});

Deno.test("the quickstart takes only the new rows of a file that is added, and other params", async () => {
  await using example = await Example.open("quickstart");
  const week = join(example.dir, "data/flights/2013-week-02.csv");
  const moved = await Deno.readTextFile(week);
  await Deno.remove(week);
  const first = await example.run("quickstart");
  assert.equal(rowsOf(first, "model:stg_flights"), 6_099);
  await Deno.writeTextFile(week, moved);
  const second = await example.run("quickstart", "--param", "min_flights=1000");
  assert.equal(rowsOf(second, "model:stg_flights"), 12_208);
  assert((rowsOf(second, "extract:flights") ?? 0) < 6_300, "rows of the first week are not taken again");
  assert.equal(rowsOf(second, "model:daily_delays"), 24, "eight days at three airports");
  assert.equal(rowsOf(second, "model:carrier_ranking"), 6);
});

Deno.test("the starter checks and runs, and a second run changes nothing", async () => {
  await using example = await Example.open("starter");
  const checked = await example.sluice("check", "--json");
  assert.deepEqual(JSON.parse(checked.last), { ok: true, faults: [], pipelines: 1, models: 2, written: [] });
  assert.equal((await example.sluice("fmt", "--check")).code, 0);
  await example.run("hello");
  // Of its one pipeline, which needs no name.
  const asked = await example.sluice("query", "SELECT count(*) AS n FROM daily_revenue", "--format", "csv");
  assert.match(asked.output, /^n\n4\n/);
  const rows = await destinationRows(join(example.dir, "out"));
  assert.equal(rows["results.sqlite daily_revenue"]?.length, 4);
  await example.run("hello");
  assert.deepEqual(await destinationRows(join(example.dir, "out")), rows);
});
