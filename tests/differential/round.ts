import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { sluiceArgs } from "../support/sluice_server.ts";
import type { RoundSystems } from "./systems.ts";

/** One round of the differential test: tables are generated, carried through Sluice, and compared. */

const MAIN = fileURLToPath(new URL("oracle/main.py", import.meta.url));

const outcomeSchema = v.object({ step: v.string(), code: v.string(), message: v.string() });
/** What a run said of a step that was not done. */
export type Outcome = v.InferOutput<typeof outcomeSchema>;

const differenceSchema = v.object({
  table: v.string(),
  destination: v.string(),
  column: v.string(),
  row: v.number(),
  rows: v.number(),
  what: v.string(),
  columns: v.array(v.string()),
});
export type Difference = v.InferOutput<typeof differenceSchema>;

const reportSchema = v.object({
  tables: v.number(),
  compared: v.number(),
  refusals: v.array(outcomeSchema),
  differences: v.array(differenceSchema),
});
export type Report = v.InferOutput<typeof reportSchema>;

/** A smaller form of a table of an earlier round, to see whether it differs too. */
export interface Case {
  /** The earlier round's folder. */
  readonly from: string;
  readonly table: string;
  readonly destination: string;
  readonly columns: readonly string[];
  readonly rows: readonly number[];
  readonly name: string;
}

export interface RoundOptions {
  /** A Python that has pyarrow. */
  readonly python: string;
  /** The round's own folder, which is there and empty. */
  readonly folder: string;
  readonly systems: RoundSystems;
  readonly what:
    | {
      readonly seed: number;
      readonly tables: number;
      readonly most_rows: number;
      readonly long_share: number;
    }
    | { readonly cases: readonly Case[] };
}

/** Throws where the round itself cannot go on; what differs is in the report. */
export async function runRound({ python, folder, systems, what }: RoundOptions): Promise<Report> {
  const plan = { ...what, systems: systems.connectors };
  await Deno.writeTextFile(join(folder, "plan.json"), JSON.stringify(plan));
  const ask = (command: string) => runOracle(python, [command, folder]);
  await ask("generate");
  await systems.bringSources(join(folder, "project"));
  await runPipeline(folder, "there");
  await systems.fetchTargets(join(folder, "project"));
  await ask("way_back");
  await runPipeline(folder, "back");
  return await compareAgain(python, folder);
}

/** Compares what a round left. */
export async function compareAgain(python: string, folder: string): Promise<Report> {
  return v.parse(reportSchema, JSON.parse(await runOracle(python, ["compare", folder])));
}

/** The table's values and its source, for a person to see the failure again. */
export function showTable(python: string, folder: string, table: string): Promise<string> {
  return runOracle(python, ["show", folder, table]);
}

async function runOracle(python: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(python, {
    args: [MAIN, ...args],
    env: { PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`the oracle cannot ${args[0]}:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

const runSchema = v.object({
  steps: v.array(v.object({ name: v.string(), state: v.string(), error: v.nullable(v.unknown()) })),
});
const errorSchema = v.object({ code: v.string(), message: v.string() });

/** Runs it, without the streams that a check finds fault with, and notes the steps that were not done. */
async function runPipeline(folder: string, pipeline: string): Promise<void> {
  const path = join(folder, "project", "pipelines", `${pipeline}.yaml`);
  const outcomes: Outcome[] = [];
  // Its web server is on this machine.
  const policy = join(folder, "policy.yaml");
  await Deno.writeTextFile(policy, 'private_hosts_allow: ["127.0.0.1"]\n');
  for (;;) {
    if (!(await Deno.readTextFile(path)).includes('"connector"')) break;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: sluiceArgs(
        "run",
        pipeline,
        "--json",
        "--quiet",
        "--project",
        join(folder, "project"),
        "--data",
        join(folder, "data"),
      ),
      env: { NO_COLOR: "1", SLUICE_POLICY: policy },
      stdin: "null",
    }).output();
    const output = new TextDecoder().decode(stdout);
    if (code !== 2) {
      outcomes.push(...notDone(output.trim().split("\n").at(-1) ?? ""));
      break;
    }
    const faults = await leaveOut(path, `${output}\n${new TextDecoder().decode(stderr)}`);
    if (faults.length === 0) {
      throw new Error(`sluice run ${pipeline}: ${output}${new TextDecoder().decode(stderr)}`);
    }
    outcomes.push(...faults);
  }
  await Deno.writeTextFile(join(folder, `${pipeline}.json`), JSON.stringify(outcomes));
  // Out of the project, where the next check would look at it again, but not out of sight.
  await Deno.rename(path, join(folder, `${pipeline}.yaml`));
}

function notDone(line: string): Outcome[] {
  const { steps } = v.parse(runSchema, JSON.parse(line));
  return steps.filter(({ state }) => state !== "succeeded").map(({ name, error }) => {
    const told = v.safeParse(errorSchema, error);
    return { step: name, ...(told.success ? told.output : { code: "", message: "" }) };
  });
}

/** Takes the streams and loads with faults out of the pipeline; each is a line of its file. */
async function leaveOut(path: string, output: string): Promise<Outcome[]> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  const nameAt = (line: number) => /^"(\w+)": /.exec(lines[line - 1] ?? "")?.[1];
  const faults = [...output.matchAll(/^pipelines\/\w+\.ya?ml:(\d+):\d+: (.*)$/gm)].flatMap(
    ([, line, message]) => {
      const name = nameAt(Number(line));
      return name === undefined || message === undefined || message.startsWith("warning")
        ? []
        : [{ name, message }];
    },
  );
  const names = new Set(faults.map(({ name }) => name));
  const kept = lines.filter((_, index) => !names.has(nameAt(index + 1) ?? ""));
  await Deno.writeTextFile(path, kept.join("\n"));
  return faults.map(({ name, message }) => ({ step: `extract:${name}`, code: "invalid", message }));
}
