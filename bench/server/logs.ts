/**
 * How long a text is looked for in the logs of a long history, how long that holds up everything else, and how much
 * room compressed logs take.
 *
 * deno task bench logs [--runs 100000] [--lines 60]
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { parseArgs } from "node:util";
import type { LogLine } from "../../contract/run.ts";
import { packBlock } from "../../engine/store/logs/log_block.ts";
import { openStore } from "../../engine/store/open.ts";
import type { LogPlace, LogSearch } from "../../engine/store/ports/logs.ts";
import type { Store } from "../../engine/store/store.ts";

const STEPS = ["extract:orders", "extract:customers", "model:daily", "load:daily→lake"];

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { runs: { type: "string", default: "100000" }, lines: { type: "string", default: "60" } },
  });
  const [runs, lines] = [Number(values.runs), Number(values.lines)];
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const path = join(folder, "sluice.db");
    await (await openStore(`file:${path}`))[Symbol.asyncDispose]();
    const { rawBytes, packedBytes } = fill(path, runs, lines);
    const count = (runs * lines).toLocaleString("en");
    console.log(
      `${count} lines of ${runs.toLocaleString("en")} runs: ${mb(rawBytes)} as text, ${
        mb(packedBytes)
      } packed, ` +
        `${mb(Deno.statSync(path).size)} the store`,
    );
    await using store = await openStore(`file:${path}`);
    await measure(store, "a text that is nowhere", { filter: { text: "no such words" } }, runs * lines);
    await measure(store, "of level error", { filter: { level: "error" } }, runs * lines);
    await measure(
      store,
      "of a level and a text",
      { filter: { level: "error", text: "denied" } },
      runs * lines,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** One run in fifty has an error. */
function linesOf(run: number, count: number): LogLine[] {
  return Array.from({ length: count }, (_, index): LogLine => {
    const isError = run % 50 === 0 && index === count - 1;
    const table = `public.t${(run * 7 + index) % 97}`;
    return {
      seq: index + 1,
      at: new Date(1_790_000_000_000 + run * 60_000 + index * 137).toISOString(),
      level: isError ? "error" : index % 5 === 0 ? "debug" : "info",
      attempt: 1,
      step: STEPS[index % STEPS.length] ?? null,
      message: isError
        ? `Cannot read ${table}: permission denied`
        : `read ${(run * index) % 90_001} rows of ${table}, ${(run * 31 + index) % 9_973} kB, in ${
          index * 13
        } ms`,
    };
  });
}

function fill(path: string, runs: number, count: number): { rawBytes: number; packedBytes: number } {
  const database = new DatabaseSync(path);
  database.exec(`
    pragma foreign_keys = off;
    begin;
    insert into revisions (id, pipeline, definition, connectors) values ('r', 'p', '{}', '{}');
    insert into pipelines (name, origin, revision, faults) values ('p', 'files', 'r', '[]');
  `);
  const addRun = database.prepare(
    "insert into runs (id, pipeline, revision, state, trigger, attempt, params, full_refresh, window_end, " +
      "created_at, started_at, finished_at) values (?1, 'p', 'r', 'succeeded', 'schedule', 1, '{}', 0, ?2, ?2, ?2, ?2)",
  );
  const addBlock = database.prepare(
    "insert into log_blocks (run, first_seq, last_seq, first_at, last_at, levels, body) values (?, ?, ?, ?, ?, ?, ?)",
  );
  let [rawBytes, packedBytes] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const id = `01A${String(run).padStart(23, "0")}`;
    const lines = linesOf(run, count);
    rawBytes += lines.reduce((sum, { message, step }) => sum + message.length + (step?.length ?? 0) + 20, 0);
    addRun.run(id, 1_790_000_000_000 + run * 60_000);
    for (let rest = lines; rest.length > 0;) {
      const packed = packBlock(rest);
      if (packed === undefined) break;
      const { firstSeq, lastSeq, firstAtMs, lastAtMs, levels, body } = packed.block;
      addBlock.run(id, firstSeq, lastSeq, firstAtMs, lastAtMs, levels, body);
      packedBytes += body.length;
      rest = rest.slice(packed.count);
    }
  }
  database.exec("commit");
  database.close();
  return { rawBytes, packedBytes };
}

async function measure(
  store: Store,
  title: string,
  what: Pick<LogSearch, "filter">,
  lines: number,
): Promise<void> {
  const waits: number[] = [];
  let lastMs = performance.now();
  // What else the process would do comes to its turn so much later.
  const timer = setInterval(() => {
    const nowMs = performance.now();
    waits.push(nowMs - lastMs - 1);
    lastMs = nowMs;
  }, 1);
  const beganMs = performance.now();
  const beganCpu = process.cpuUsage();
  let [found, pages, isFirst] = [0, 0, true];
  let firstPage = 0;
  let from: LogPlace | undefined;
  for (;;) {
    const page = await store.logs.search({
      ...what,
      ...(from === undefined ? {} : { from }),
      limit: 1_000,
      budgetMs: 1_000,
    });
    found += page.lines.length;
    pages += 1;
    if (isFirst) firstPage = performance.now() - beganMs;
    isFirst = false;
    if (page.next === null) break;
    from = page.next;
  }
  clearInterval(timer);
  const tookMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(beganCpu);
  const cpuMs = (user + system) / 1_000;
  const sorted = waits.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(1);
  console.log(
    `${title}: ${found.toLocaleString("en")} found in ${
      (tookMs / 1_000).toFixed(2)
    } s and ${pages} pages, the first ` +
      `after ${firstPage.toFixed(0)} ms; ${
        (lines / cpuMs / 1_000).toFixed(2)
      } M lines a second of processor; others wait ` +
      `${at(0.5)} ms at the median, ${at(0.99)} ms at p99, ${at(1)} ms at most`,
  );
}

await main();
