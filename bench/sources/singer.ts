/**
 * A tap that writes a million RECORDs of 8 fields as fast as `cat` does: by a bare loop that reads its lines and parses each as
 * JSON in a process of its own, which keeps nothing, and by the extract of `sluice run`, one after the other in the same run.
 *
 * deno task bench singer [--records 1000000] [--rounds 3]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { againstBare, bareCost } from "../lib/against_bare.ts";
import { timed } from "../lib/costs.ts";
import { orderRecord } from "../lib/order_record.ts";
import { buildSluice, writeProject } from "../lib/sluice_run.ts";

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
    const bare = () => bareCost(fileURLToPath(import.meta.url), tap);
    await againstBare({ folder, project, records, rounds: Number(values.rounds), bare });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** By the loop alone, from the tap's start to its end. */
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

/** Returns its path. What it prints is made beforehand. */
async function writeTap(folder: string, records: number): Promise<string> {
  const output = join(folder, "output");
  {
    using file = await Deno.open(output, { create: true, write: true });
    let lines = [{ type: "SCHEMA", stream: "orders", schema: SCHEMA, key_properties: ["id"] } as object];
    for (let id = 1; id <= records; id++) {
      const time = new Date(1_800_000_000_000 + id).toISOString();
      lines.push({ type: "RECORD", stream: "orders", record: orderRecord(id), time_extracted: time });
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
