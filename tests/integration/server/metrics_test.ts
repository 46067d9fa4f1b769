import { deepEqual, equal, fail, match, ok } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { ENDLESS, NONE_READY, ONE_THREAD, Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";
import { PROMETHEUS } from "../../runner/prometheus.ts";

const SCRAPE_TOKEN = "a-scrape-token-that-is-long-enough";
const RULES = join(import.meta.dirname ?? ".", "../../../ops/prometheus");
const PATIENCE_MS = 120_000;

const programs = Deno.env.get(PROMETHEUS) ??
  fail(`${PROMETHEUS} is not set: start the tests by deno task test`);

/** Fails where promtool has anything to say against it. */
async function promtool(args: readonly string[], input = ""): Promise<void> {
  const child = new Deno.Command(join(programs, "promtool"), {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  equal(code, 0, said);
  if (input !== "") equal(said, "", "promtool check metrics finds nothing");
}

Deno.test("promtool takes the rules, and they fire when they should", async () => {
  await promtool(["check", "rules", join(RULES, "rules.yaml")]);
  await promtool(["test", "rules", join(RULES, "rules_test.yaml")]);
});

Deno.test("promtool finds nothing wrong with a server's metrics, and Prometheus scrapes them by its token", async () => {
  await using served = await Served.start({
    "pipelines/daily.yaml": "transform: daily\n",
    "transforms/daily/one.sql": "SELECT 1 AS n\n",
    "pipelines/long.yaml": `${ONE_THREAD}transform: long\n`,
    "transforms/long/endless.sql": ENDLESS,
  }, { ...NONE_READY, SLUICE_METRICS_TOKEN: SCRAPE_TOKEN });
  const { server } = served;
  const scrape = async () => {
    const response = await server.request("GET", "/metrics", {
      headers: { Authorization: `Bearer ${SCRAPE_TOKEN}` },
    });
    equal(response.status, 200);
    return await response.text();
  };
  equal((await served.runToEnd("daily")).state, "succeeded");
  const long = await server.trigger("long");
  const text = await waitFor(async () => {
    const found = await scrape();
    return /^sluice_run_process_resident_memory_bytes\{pipeline="long"\} \d{7}/m.test(found)
      ? found
      : undefined;
  }, PATIENCE_MS) ?? fail(await scrape());
  match(text, /^sluice_runs_total\{pipeline="daily",state="succeeded"\} 1$/m);
  match(text, /^sluice_queue_runs\{state="running"\} 1$/m);
  match(text, /^sluice_steps_total\{kind="model",state="succeeded"\} 1$/m);
  await promtool(["check", "metrics"], text);

  await using prometheus = await Scraper.start(served.project.dataDir, server.url);
  deepEqual(await prometheus.ask('sluice_runs_total{pipeline="daily", state="succeeded"}'), ["1"]);
  deepEqual(await prometheus.ask('up{job="sluice"}'), ["1"]);
  await server.call("POST", `/api/runs/${long.id}/cancel`, {});
  equal((await server.ended(long.id)).state, "cancelled");
  match(await scrape(), /^sluice_runs_total\{pipeline="long",state="cancelled"\} 1$/m);
});

const answerSchema = v.object({
  data: v.object({ result: v.array(v.object({ value: v.tuple([v.number(), v.string()]) })) }),
});

/** Prometheus itself, with our rules, on a port of its own. */
class Scraper implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #url: string;
  readonly #output: Promise<void>;

  private constructor(child: Deno.ChildProcess, url: string, output: Promise<void>) {
    this.#child = child;
    this.#url = url;
    this.#output = output;
  }

  static async start(folder: string, target: string): Promise<Scraper> {
    const config = join(folder, "prometheus.yml");
    await Deno.writeTextFile(
      config,
      `global: { scrape_interval: 250ms }
rule_files: ["${join(RULES, "rules.yaml")}"]
scrape_configs:
  - job_name: sluice
    authorization: { credentials: "${SCRAPE_TOKEN}" }
    static_configs: [{ targets: ["${new URL(target).host}"] }]
`,
    );
    const child = new Deno.Command(join(programs, "prometheus"), {
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, "tsdb")}`,
        "--web.listen-address=127.0.0.1:0",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    let said = "";
    const output = (async () => {
      for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
        said += part;
        const address = /msg="Listening on" address=(\S+)/.exec(said)?.[1];
        if (address !== undefined) resolve(`http://${address}`);
      }
      resolve(undefined);
    })();
    const url = await promise;
    if (url === undefined) fail(`Prometheus did not start:\n${said}`);
    return new Scraper(child, url, output);
  }

  /** The values of a query, as soon as there are any. */
  async ask(query: string): Promise<string[]> {
    const url = `${this.#url}/api/v1/query?query=${encodeURIComponent(query)}`;
    const values = await waitFor(async () => {
      const response = await fetch(url).catch(() => undefined);
      // It says "Service Unavailable" until it is ready.
      const text = await response?.text();
      if (text === undefined || response?.ok !== true) return undefined;
      const answer = v.safeParse(answerSchema, JSON.parse(text));
      const found = answer.success ? answer.output.data.result.map(({ value: [, value] }) => value) : [];
      return found.length > 0 ? found : undefined;
    }, PATIENCE_MS);
    ok(values !== undefined, `Prometheus has no answer to ${query}`);
    return values;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#output;
  }
}
