/**
 * A tap that writes a million RECORDs of 8 fields as fast as `cat` does: by a bare loop that reads its lines and parses each as
 * JSON in a process of its own, which keeps nothing, and by the extract of `sluice run`, one after the other in the same run.
 *
 * deno task bench singer [--records 1000000] [--rounds 3]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Costs, stepOf, timed } from "./lib/costs.ts";
import { buildSluice, type Cost, sluiceRun, writeProject } from "./lib/sluice_run.ts";

const STATE_EVERY = 10_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      records: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      bare: { type: "string" },
    },
  });
  if (values.bare !== undefined) {
    return console.log(JSON.stringify(await timed(() => readBare(values.bare ?? ""))));
  }
  await buildSluice();
  const records = Number(values.records);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const tap = await writeTap(folder, records);
    const project = await writeProject(folder, "bench", {
      "policy.yaml": `commands_allow: ["${tap}"]\n`,
      "connectors.yaml": `tap: { type: singer, command: ["${tap}"] }\n`,
      "pipelines/bench.yaml": "extract: { orders: { connector: tap, stream: orders } }\n",
    });
    Deno.env.set("SLUICE_POLICY", join(project, "policy.yaml"));
    const found = new Costs(records);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      found.add("bare", await bare(tap));
      const run = await sluiceRun(folder, project, "bench");
      found.add("the whole run", run);
      found.add("the extract", stepOf(run, "extract"));
      found.addPeak(run.peakRssBytes);
    }
    found.report("bare");
    for (const way of ["the extract", "the whole run"]) found.report(way, "bare");
    console.log(`peak RSS of a run's process: ${(found.peakRssBytes / 1e6).toFixed(0)} MB`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** By the loop alone, from the tap's start to its end. */
async function bare(tap: string): Promise<Cost> {
  const args = ["run", "-A", "--frozen", "--quiet", fileURLToPath(import.meta.url), "--bare", tap];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error("the bare loop failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function readBare(tap: string): Promise<void> {
  const child = new Deno.Command(tap, { stdout: "piped" }).spawn();
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) JSON.parse(line);
  }
  await child.status;
}

const SCHEMA = {
  properties: {
    id: { type: "integer" },
    customer: { type: "string" },
    amount: { type: "number" },
    ordered_at: { type: "string", format: "date-time" },
    state: { type: "string" },
    is_gift: { type: "boolean" },
    items: { type: "integer" },
    note: { type: ["null", "string"] },
  },
};

const record = (id: number) => ({
  id,
  customer: `customer ${(id * 7919) % 50_000}`,
  amount: (id * 7919) % 1_000_000 / 100,
  ordered_at: new Date(1_700_000_000_000 + id * 1000).toISOString(),
  state: ["new", "paid", "sent"][id % 3],
  is_gift: id % 7 === 0,
  items: id % 11,
  note: `a note of some length about order ${id}`,
});

/** Returns its path. What it prints is made beforehand. */
async function writeTap(folder: string, records: number): Promise<string> {
  const output = join(folder, "output");
  {
    using file = await Deno.open(output, { create: true, write: true });
    let lines = [{ type: "SCHEMA", stream: "orders", schema: SCHEMA, key_properties: ["id"] } as object];
    for (let id = 1; id <= records; id++) {
      const time = new Date(1_800_000_000_000 + id).toISOString();
      lines.push({ type: "RECORD", stream: "orders", record: record(id), time_extracted: time });
      if (id % STATE_EVERY > 0 && id < records) continue;
      lines.push({ type: "STATE", value: { bookmarks: { orders: { id } } } });
      await writeAll(
        file,
        new TextEncoder().encode(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n`),
      );
      lines = [];
    }
  }
  const catalog = JSON.stringify({ streams: [{ tap_stream_id: "orders", schema: SCHEMA }] });
  const tap = join(folder, "tap");
  const script =
    `#!/bin/sh\ncase "$*" in *--discover*) echo '${catalog}'; exit 0;; esac\nexec cat ${output}\n`;
  await Deno.writeTextFile(tap, script, { mode: 0o755 });
  return tap;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

await main();
