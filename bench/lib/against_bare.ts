import { Costs, stepOf } from "./costs.ts";
import { type Cost, sluiceRun } from "./sluice_run.ts";

/** Compares the extract of `sluice run` with a bare loop over the same records, one after the other, and prints both. */
export async function againstBare(what: {
  readonly folder: string;
  /** With the pipeline `bench`. */
  readonly project: string;
  readonly records: number;
  readonly rounds: number;
  readonly bare: () => Promise<Cost>;
}): Promise<void> {
  const found = new Costs(what.records);
  for (let round = 0; round < what.rounds; round += 1) {
    found.add("bare", await what.bare());
    const run = await sluiceRun(what.folder, what.project, "bench");
    found.add("the whole run", run);
    found.add("the extract", stepOf(run, "extract"));
    found.addPeak(run.peakRssBytes);
  }
  found.report("bare");
  for (const way of ["the extract", "the whole run"]) found.report(way, "bare");
  console.log(`peak RSS of a run's process: ${(found.peakRssBytes / 1e6).toFixed(0)} MB`);
}

/** What `program --bare ARGUMENT` costs, in a process of its own; it prints that as JSON. */
export async function bareCost(program: string, argument: string): Promise<Cost> {
  const args = ["run", "-A", "--frozen", "--quiet", program, "--bare", argument];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error("the bare loop failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}
