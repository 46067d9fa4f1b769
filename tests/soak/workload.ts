import { equal, fail } from "node:assert/strict";
import type { Run, RunDetail } from "../../contract/run.ts";
import { ENDLESS, ONE_THREAD, PATIENCE_MS, type Served } from "../support/served_project.ts";
import { waitFor } from "../support/sluice_server.ts";

const HOOK_SECRET = "s3cret-of-the-hook";
const NEWEST_HOOKED = "/api/runs?pipeline=hooked&limit=1";

/** A source of its own on a database server, and what is said of it there. */
export interface Shop {
  readonly url: string;
  addOrder(id: number): Promise<void>;
  /** Connections to its database that are not the test's own. */
  connections(): Promise<number>;
}

/** Variables of the server that serves `soakProject`. */
export const soakEnvironment = (policyPath: string): Record<string, string> => ({
  SLUICE_SECRET_HOOK: HOOK_SECRET,
  SLUICE_POLICY: policyPath,
});

/** A pipeline of each way in which a run begins, and of each kind of process that it starts. */
export function soakProject(shop: Shop, receiverUrl: string, everySeconds: number): Record<string, string> {
  return {
    "connectors.yaml": `files: { type: file }\nshop: { type: postgres, url: "${shop.url}", ssl: disable }\n`,
    "notifiers.yaml": `team: { type: webhook, url: "${receiverUrl}", group: 0s }\n`,
    "pipelines/asked.yaml": "load:\n  totals: { connector: files, path: out/totals.csv, mode: replace }\n",
    "transforms/asked/totals.sql": "SELECT i % 7 AS k, sum(i) AS s FROM range(1000) r(i) GROUP BY ALL\n",
    "pipelines/due.yaml": `schedule: { every: ${everySeconds}s }\ntransform: due\n`,
    "transforms/due/one.sql": "SELECT 1 AS n\n",
    "pipelines/after.yaml": "after: [asked]\ntransform: after\n",
    "transforms/after/one.sql": "SELECT 1 AS n\n",
    "pipelines/hooked.yaml": `
webhooks: { posts: { secret: "\${secret:HOOK}" } }
extract:
  posts: { webhook: posts }
load:
  posts: { connector: files, path: out/posts.csv, mode: replace }
`,
    "pipelines/scripted.yaml": `
extract:
  made: { script: scripts/made.ts, mode: append }
load:
  made: { connector: files, path: out/made.csv, mode: replace }
`,
    "scripts/made.ts": `export default async function* (ctx) {
  const from = ctx.state?.next ?? 0;
  yield Array.from({ length: 10 }, (_, i) => ({ id: from + i }));
  await ctx.checkpoint({ next: from + 10 });
}
`,
    "pipelines/orders.yaml": `
extract:
  orders: { connector: shop, stream: orders, mode: incremental, primary_key: [id], update_key: id }
load:
  orders: { connector: shop, table: orders_copy, mode: merge, primary_key: [id] }
`,
    "pipelines/failing.yaml": `
params: { divisor: { type: integer, default: 1 } }
notify: [{ on: [failure, recovery], to: team, repeat: 0s }]
transform: failing
`,
    "transforms/failing/one.sql":
      "SELECT CASE WHEN getvariable('divisor') = 0 THEN error('asked to') ELSE 1 END AS n\n",
    "pipelines/endless.yaml": `transform: endless\n${ONE_THREAD}`,
    "transforms/endless/rows.sql": ENDLESS,
  };
}

/** What was asked of the server, to be compared with what became of it. */
export class Workload {
  readonly #served: Served;
  readonly #shop: Shop;
  readonly #beats: readonly (() => Promise<unknown>)[];
  #beat = 0;
  #posts = 0;
  #scripts = 0;
  #lastHooked: string | undefined;
  /** How many runs have failed because they were asked to. */
  failures = 0;
  /** How many orders there are. */
  orders = 0;
  /** How many runs it has asked for. */
  runs = 0;

  constructor(served: Served, shop: Shop) {
    this.#served = served;
    this.#shop = shop;
    this.#beats = [
      () => this.#succeed("asked"),
      () => this.#post(),
      () => this.#order(),
      () => this.#script(),
      () => this.#fail(),
      () => this.#look(),
      () => this.#cancel(),
    ];
  }

  /** How many beats are one of each. */
  get length(): number {
    return this.#beats.length;
  }

  /** One thing more; throws where something becomes of it that should not. */
  async beat(): Promise<void> {
    await this.#beats[this.#beat++ % this.#beats.length]?.();
  }

  /** Throws where a row is missing or doubled, or an alert; `alerts` is how many events have arrived. */
  async compare(alerts: readonly string[]): Promise<void> {
    const [posts, made] = await Promise.all([this.#idsIn("posts"), this.#idsIn("made")]);
    equal(posts.size, this.#posts, "rows that were posted");
    equal(made.size, this.#scripts * 10, "rows of the script");
    for (const event of ["failure", "recovery"]) {
      equal(alerts.filter((one) => one === event).length, this.failures, `alerts of ${event}`);
    }
  }

  async #succeed(pipeline: string, body: unknown = {}): Promise<RunDetail> {
    this.runs += 1;
    return await this.#served.succeed(pipeline, body);
  }

  async #post(): Promise<void> {
    const id = this.#posts++;
    const response = await fetch(`${this.#served.server.url}/hooks/hooked/posts`, {
      method: "POST",
      headers: { authorization: `Bearer ${HOOK_SECRET}`, "content-type": "application/json" },
      body: JSON.stringify({ id }),
    });
    equal(response.status, 202, await response.text());
    this.runs += 1;
    await this.#hooked();
  }

  async #order(): Promise<void> {
    await this.#shop.addOrder(this.orders++);
    await this.#succeed("orders");
  }

  async #script(): Promise<void> {
    await this.#succeed("scripted");
    this.#scripts += 1;
  }

  /** One that fails, and one that is right again. */
  async #fail(): Promise<void> {
    const failed = await this.#served.runToEnd("failing", { params: { divisor: 0 } });
    equal(failed.state, "failed");
    this.runs += 1;
    this.failures += 1;
    await this.#succeed("failing");
  }

  /** What a person and a scraper look at; an event stream is left before its run ends. */
  async #look(): Promise<void> {
    const { server } = this.#served;
    const [run] = await server.call<Run[]>("GET", "/api/runs?pipeline=asked&limit=1");
    const paths = ["/metrics", "/api/pipelines", "/api/problems", `/api/runs/${run?.id ?? ""}`, "/healthz"];
    for (const path of paths) {
      const response = await server.request("GET", path);
      equal(response.status, 200, `${path}: ${await response.text()}`);
    }
  }

  async #cancel(): Promise<void> {
    const { server } = this.#served;
    const { id } = await server.trigger("endless");
    this.runs += 1;
    await this.#served.untilRunning(id, "model:rows");
    const watching = new AbortController();
    const events = await server.request("GET", `/api/runs/${id}/events`, { signal: watching.signal });
    equal(events.status, 200);
    const reader = events.body?.getReader();
    await reader?.read();
    watching.abort();
    await reader?.cancel().catch(() => {});
    equal((await this.#served.cancel(id)).state, "cancelled");
  }

  /** Waits until the run that the last post has started is over. */
  async #hooked(): Promise<void> {
    const last = this.#lastHooked;
    const newest = async () => (await this.#served.server.call<Run[]>("GET", NEWEST_HOOKED))[0];
    const run = await waitFor(async () => {
      const found = await newest();
      return found !== undefined && found.id !== last && found.state === "succeeded" ? found : undefined;
    }, PATIENCE_MS) ?? fail(JSON.stringify(await newest()));
    this.#lastHooked = run.id;
  }

  /** The first column of what a load has written; throws where a value is there twice. */
  async #idsIn(name: string): Promise<Set<string>> {
    const text = await Deno.readTextFile(`${this.#served.project.projectDir}/out/${name}.csv`);
    const ids = text.trim().split("\n").slice(1).map((line) => line.split(",")[0] ?? "");
    equal(new Set(ids).size, ids.length, `${name} has a row twice`);
    return new Set(ids);
  }
}
