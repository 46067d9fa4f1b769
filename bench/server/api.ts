/**
 * An API of 400,000 records in pages of 1,000: by a bare loop of `fetch` and `JSON.parse` in a process of its own, which keeps
 * nothing, and by the extract of `sluice run`, one after the other in the same run.
 *
 * deno task bench api [--records 400000] [--rounds 3]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { againstBare, bareCost } from "../lib/against_bare.ts";
import { timed } from "../lib/costs.ts";
import { buildSluice, writeProject } from "../lib/sluice_run.ts";
import { startServer } from "../lib/server_process.ts";

const PER_PAGE = 1_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      records: { type: "string", default: "400000" },
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
    await using api = await startServer("api_server.ts", String(records), String(PER_PAGE));
    const project = await writeProject(folder, "bench", {
      "policy.yaml": 'private_hosts_allow: ["127.0.0.1"]\n',
      "connectors.yaml": `api: { type: http, base_url: "${api.url}" }\n`,
      "pipelines/bench.yaml": "extract: { orders: { connector: api, endpoint: orders } }\n",
    });
    Deno.env.set("SLUICE_POLICY", join(project, "policy.yaml"));
    const bare = () => bareCost(fileURLToPath(import.meta.url), api.url);
    await againstBare({ folder, project, records, rounds: Number(values.rounds), bare });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** By the loop alone, from its first request to its last page. */
async function readBare(url: string): Promise<void> {
  let next: string | null = "/orders";
  while (next !== null) {
    const response: Response = await fetch(new URL(next, url));
    ({ next } = JSON.parse(await response.text()));
  }
}

await main();
