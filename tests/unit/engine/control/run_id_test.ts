import { equal, rejects } from "node:assert/strict";
import { wholeRunId } from "../../../../engine/control/run_id.ts";
import { newRun, StoreFixture } from "../store/store_fixture.ts";

const OLD = "01M8BPYQV3MJYHMK17N724G0EP";
const NEW = "01M8BQ8M5E52W8QQ63W9EPMH41";

Deno.test("wholeRunId() finds a run by the beginning or the end of its id, in letters of either case", async () => {
  await using fixture = new StoreFixture();
  const { runs } = await fixture.openWithPipelines();
  await runs.create(newRun(OLD));
  await runs.create(newRun(NEW));
  for (const part of [NEW, "01M8BQ", "01m8bq8m", "W9EPMH41", "w9epmh41", "MH41"]) {
    equal(await wholeRunId(runs, part), NEW, part);
  }
  equal(await wholeRunId(runs, OLD.slice(-8)), OLD);
  // What is like no run, or no part of an id, is for the caller to refuse.
  for (const text of ["", "x", "H41", "ZZZZZZZZ", "W9EPMH41 ", "%", "_9EPMH41", "a'b"]) {
    equal(await wholeRunId(runs, text), text);
  }
  await rejects(wholeRunId(runs, "01M8"), {
    code: "conflict",
    reason: "ambiguous_run",
    message: `"01M8" names several runs: ${NEW} and ${OLD}. Write more of the id`,
  });
});
