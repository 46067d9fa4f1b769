import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { readFromCatalogue } from "../../../../engine/definitions/apis/catalogue.ts";
import { planInstallation, writeInstallation } from "../../../../engine/definitions/apis/install_api.ts";
import { LOOPBACK_POLICY } from "../../../support/api_project.ts";
import { PATIENCE_MS, Served } from "../../../support/served_project.ts";
import { airtable } from "./airtable.ts";
import { type RunningApi, startFake } from "./fake_api.ts";
import { github } from "./github.ts";
import { gitlab } from "./gitlab.ts";
import { googleSheets, googleSheetsByServiceAccount } from "./google_sheets.ts";
import { hubspot } from "./hubspot.ts";
import { jira } from "./jira.ts";
import { notion } from "./notion.ts";
import { shopify } from "./shopify.ts";
import { slack } from "./slack.ts";
import { stripe } from "./stripe.ts";

const CATALOGUE = join(import.meta.dirname ?? ".", "../../../../catalogue");
const messenger = slack();
const ALL = [
  airtable(),
  github(),
  gitlab(),
  googleSheets(),
  googleSheetsByServiceAccount(),
  hubspot(),
  jira(),
  notion(),
  shopify(),
  messenger,
  stripe(),
];

/** The files of a project with the catalogue's definitions, each calling the server that stands for its API. */
async function filesOf(running: readonly RunningApi[]): Promise<Record<string, string>> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-catalogue-" });
  try {
    const paths = ["connectors.yaml"];
    for (const { api: { name, values, streams } } of running) {
      const api = await readFromCatalogue(CATALOGUE, name);
      await writeInstallation(folder, await planInstallation(folder, api, { name, values, streams }));
      paths.push(`pipelines/${name}.yaml`);
    }
    const files: Record<string, string> = {};
    for (const path of paths) files[path] = await Deno.readTextFile(join(folder, path));
    files["connectors.yaml"] = calling(running, files["connectors.yaml"] ?? "");
    return files;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Without the limits, which would take their time. */
function calling(running: readonly RunningApi[], connectors: string): string {
  let text = connectors.replace(/^ *rate_limit: .*\n/gm, "");
  for (const { api: { name, origins }, server } of running) {
    // Two of them call the same API.
    const entry = new RegExp(`^${name}:\\n(?: .*\\n)+`, "m").exec(text)?.[0] ?? "";
    let called = entry;
    for (const origin of origins) {
      ok(called.includes(origin), `${name} calls nothing at ${origin}`);
      called = called.replaceAll(origin, server.url);
    }
    text = text.replace(entry, () => called);
  }
  return text;
}

/** Runs them beside each other; one is asked for at a time, which leaves the server to the runs. */
async function runAll(served: Served, runs: readonly (readonly [pipeline: string, body: unknown])[]) {
  const triggered = await Promise.all(runs.map(([name, body]) => served.server.trigger(name, body)));
  for (const { id } of triggered) {
    const { state, error } = await served.server.ended(id, PATIENCE_MS);
    equal(state, "succeeded", JSON.stringify(error));
  }
}

Deno.test("every API of the catalogue is read page by page, and what is new by its window", async () => {
  await using stack = new AsyncDisposableStack();
  const running = await Promise.all(ALL.map(async (api) => stack.use(await startFake(api))));
  const policy = await Deno.makeTempFile({ prefix: "sluice-policy-", suffix: ".yaml" });
  stack.defer(() => Deno.remove(policy));
  await Deno.writeTextFile(policy, LOOPBACK_POLICY);
  const secrets = Object.fromEntries(ALL.flatMap(({ secrets }) => Object.entries(secrets)));
  const served = stack.use(
    await Served.start(await filesOf(running), { ...secrets, SLUICE_POLICY: policy }),
  );
  const wrong: string[] = [];
  const compare = async (name: string, expected: Readonly<Record<string, readonly string[]>>) => {
    const found = await served.warehouseAll(name, Object.keys(expected));
    for (const [at, [sql, rows]] of Object.entries(expected).entries()) {
      const lines = found[at]?.map((row) => row.join()) ?? [];
      if (lines.join("\n") !== rows.join("\n")) wrong.push(`${name}: ${sql}: ${JSON.stringify(lines)}`);
    }
  };
  await runAll(served, ALL.map(({ name }) => [name, {}] as const));
  for (const { api: { name, first }, busy } of running) {
    await compare(name, first);
    equal(busy(), 1, `${name} was never busy`);
  }
  equal(wrong.join("\n"), "");

  const again = running.filter(({ api }) => api.again !== undefined);
  for (const { api, asked } of again) {
    api.change?.();
    asked.splice(0);
  }
  await runAll(
    served,
    again.map(({ api: { name, again = [] } }) =>
      [name, { select: again.map((stream) => `raw.${stream}`).join(" ") }] as const
    ),
  );
  for (const { api: { name, second = {}, asked: expected = [] }, asked } of again) {
    await compare(name, second);
    for (const pattern of expected) {
      if (!asked.some((line) => pattern.test(line))) wrong.push(`${name}: ${pattern}: ${asked.join("\n")}`);
    }
  }
  equal(wrong.join("\n"), "");

  messenger.isGone = true;
  const run = await served.runToEnd("slack", { select: "raw.messages" });
  equal(run.state, "failed");
  match(JSON.stringify(run.steps), /The server says that it failed: .*account_inactive/);
  deepEqual(await served.warehouse("slack", "SELECT count(*) FROM raw.messages"), [["5"]]);
});
