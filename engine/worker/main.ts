import { connectors } from "../../connectors/registry.ts";
import { AppError, toErrorRecord } from "../../contract/errors.ts";
import { checkJob } from "./check/check_job.ts";
import { ServerRequests } from "./server_requests.ts";
import { compareJob } from "./comparison/compare_job.ts";
import { previewJob } from "./queries/preview_job.ts";
import { queryJob } from "./queries/query_job.ts";
import { convertJob } from "./convert_job.ts";
import { environmentJob } from "./environments/environment_job.ts";
import { formatJob } from "./models/format_job.ts";
import { discoveryJob } from "./discovery/discovery_job.ts";
import type { Order, SentJob } from "../../contract/jobs/job.ts";
import type { Asked } from "../../contract/jobs/query_job.ts";
import type { SnapshotRead } from "../../contract/jobs/reader_job.ts";
import { liveJob, type LiveOrder } from "./live/live_job.ts";
import { rejectsJob } from "./rejects/rejects_job.ts";
import { promotionJob } from "./promotion/promotion_job.ts";
import { replayJob } from "./replay/replay_job.ts";
import { Reporter } from "./reporter.ts";
import { TurnWriter } from "./reports/turn_writer.ts";
import { runJob } from "./run_job.ts";
import { readerJob } from "./snapshots/reader_job.ts";
import { scriptJob } from "./discovery/script_job.ts";
import { verifyJob } from "./verify/verify_job.ts";
import { linesOf } from "../../contract/jobs/job_lines.ts";

/** The programs of its threads, in a checkout and in the unpacked file. */
const threadProgram = (name: string) =>
  new URL(import.meta.url.endsWith(".mjs") ? `./${name}.mjs` : `./${name}/main.ts`, import.meta.url);
const READ_THREAD = threadProgram("read_thread");
const FUNCTION_THREAD = threadProgram("functions");

/**
 * The program of a run's process: reads one job from stdin, reports on stdout, and ends when stdin
 * closes, which is also how it notices that its server is gone.
 */
async function main(): Promise<void> {
  // Whatever a library prints must not get between the reports.
  const toStderr = (...values: unknown[]) =>
    writeAll(Deno.stderr, new TextEncoder().encode(`${values.join(" ")}\n`));
  Object.assign(console, { log: toStderr, info: toStderr, debug: toStderr, warn: toStderr, error: toStderr });

  // Everything is loaded: the server may have started this process before it had a job for it.
  writeAll(Deno.stdout, new TextEncoder().encode("\n"));
  const lines = linesOf(Deno.stdin.readable)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) Deno.exit(1);
  const job: SentJob = JSON.parse(first.value);
  const reports = new TurnWriter((bytes) => writeAll(Deno.stdout, bytes));
  const reporter = new Reporter(job.reportKey, (bytes) => reports.write(bytes));
  const requests = new ServerRequests((report) => reporter.send(report));
  const stop = new AbortController();
  const reads = orderQueue<SnapshotRead>();
  const asks = orderQueue<LiveOrder>();
  const queries = orderQueue<Asked>();
  const listening = (async () => {
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      const order: Order = JSON.parse(line.value);
      if (order.type === "cancel") stop.abort(new AppError(order.error.code, order.error.message));
      if (order.type === "read") reads.add(order.read);
      else if (order.type === "live") asks.add(order);
      else if (order.type === "ask") queries.add(order.asked);
      else requests.take(order);
    }
    // The server closed stdin: after the last report that means done, before it that nobody listens any more.
    Deno.exit(0);
  })();

  try {
    const context = {
      connectors,
      reporter,
      requests,
      signal: stop.signal,
      stop: (reason: AppError) => stop.abort(reason),
      readThread: READ_THREAD,
      functionThread: FUNCTION_THREAD,
      sandbox: job.sandbox,
      python: job.python,
    };
    if (job.kind === "run") {
      await runJob(job, context);
    } else if (job.kind === "rejects") {
      await rejectsJob(job, context);
    } else if (job.kind === "verify") {
      await verifyJob(job, context);
    } else if (job.kind === "compare") {
      await compareJob(job, context);
    } else if (job.kind === "preview") {
      await previewJob(job, context);
    } else if (job.kind === "replay") {
      await replayJob(job, context);
    } else if (job.kind === "promotion") {
      await promotionJob(job, context);
    } else if (job.kind === "convert") {
      await convertJob(job, context);
    } else if (job.kind === "environment") {
      await environmentJob(job, context);
    } else if (job.kind === "format") {
      reporter.send({ type: "formatted", texts: await formatJob(job, context) });
    } else if (job.kind === "reader") {
      await readerJob(job, context, reads.orders);
    } else if (job.kind === "live") {
      await liveJob(job, context, asks.orders);
    } else if (job.kind === "query") {
      await queryJob(job, context, queries.orders);
    } else if (job.kind === "script") {
      await scriptJob(job, context);
    } else if (job.kind === "discovery") {
      await discoveryJob(job, context);
    } else {
      const reports = await checkJob(job, context);
      reporter.send({ type: "checked", reports });
    }
    reporter.send({ type: "finished", error: null });
  } catch (error) {
    reporter.send({ type: "finished", error: toErrorRecord(error) });
  }
  reports.flush();
  await listening;
}

/** What a job is asked for while it works, in its order. */
function orderQueue<T>() {
  const { promise, resolve } = Promise.withResolvers<ReadableStreamDefaultController<T>>();
  const orders = new ReadableStream<T>({ start: resolve });
  return { orders, add: (one: T) => void promise.then((controller) => controller.enqueue(one)) };
}

function writeAll(file: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
  } catch {
    // A closed pipe: the server is gone, and stdin shows it too.
    Deno.exit(1);
  }
}

await main();
