/**
 * What a run costs for each of its streams, and what one costs that has nothing to do: small files by `sluice run`, once
 * as they are read first and once as a run finds them unchanged, beside a run of one of them.
 *
 * deno task bench streams [--streams 300] [--rounds 3]
 */
import { parseArgs } from "node:util";
import { buildSluice, type Cost, median, sluiceRun, writeProject } from "../lib/sluice_run.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      streams: { type: "string", default: "300" },
      rounds: { type: "string", default: "3" },
      built: { type: "boolean", default: false },
    },
  });
  const count = Number(values.streams);
  if (!values.built) await buildSluice();
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const many = await writeProject(folder, "many", streams(count));
    const one = await writeProject(folder, "one", streams(1));
    const costs = new Map<string, Cost[]>();
    const add = (what: string, cost: Cost) => costs.set(what, [...costs.get(what) ?? [], cost]);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [what, project] of [["one stream", one], [`${count} streams`, many]] as const) {
        add(what, await sluiceRun(folder, project, "bench"));
        add(`${what}, again`, await sluiceRun(folder, project, "bench", { keepsData: true }));
      }
    }
    const of = (what: string, field: keyof Cost) =>
      median((costs.get(what) ?? []).map((cost) => cost[field]));
    for (const what of costs.keys()) {
      console.log(
        `${what.padEnd(20)} ${of(what, "seconds").toFixed(2)} s, ${
          of(what, "cpuSeconds").toFixed(2)
        } s of processor`,
      );
    }
    for (const again of ["", ", again"]) {
      const each = (field: keyof Cost) =>
        (of(`${count} streams${again}`, field) - of(`one stream${again}`, field)) / (count - 1) * 1_000;
      console.log(
        `a stream${again}: ${each("seconds").toFixed(1)} ms, ${
          each("cpuSeconds").toFixed(1)
        } ms of processor`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function streams(count: number): Readonly<Record<string, string>> {
  const names = Array.from({ length: count }, (_, n) => `s${String(n).padStart(4, "0")}`);
  return {
    "connectors.yaml": "local: { type: file }\n",
    "pipelines/bench.yaml": [
      "extract:",
      ...names.map((name) => `  ${name}: { connector: local, path: data/${name}.csv }`),
      "",
    ]
      .join("\n"),
    ...Object.fromEntries(
      names.map((
        name,
        n,
      ) => [`data/${name}.csv`, `id,name,amount,day\n1,${name},${n}.50,2026-01-01\n2,b,2.00,2026-01-02\n`]),
    ),
  };
}

await main();
