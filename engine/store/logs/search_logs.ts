import { and, asc, desc, eq, inArray, lte, type SQL, sql } from "drizzle-orm";
import { type LogLine, RETRY_WITHIN_DAYS } from "../../../contract/run.ts";
import { isTerminal } from "../../../contract/run_state.ts";
import { type FoundLine, logMatcher } from "../../../contract/runs/log_search.ts";
import { type Database, storing } from "../database.ts";
import type { LogFindings, LogSearch, LogStore } from "../ports/logs.ts";
import { inEnvironment } from "../queue/in_environment.ts";
import { logBlocks, runLogs, runs } from "../schema.ts";
import { mayHold, unpackBlock } from "./log_block.ts";

const ACTION = "search the logs";
/** The whole process waits while this looks: others come to work between two slices. */
const SLICE_MS = 8;
const RUNS_AT_ONCE = 200;
const LINES_AT_ONCE = 1_000;
/** Blocks that are read together: so many, and of so many bytes, but one at least. */
const BLOCKS_AT_ONCE = 64;
const BYTES_AT_ONCE = 256 * 1_024;
/** A run that was asked for longer before `sinceMs` has written nothing since: it is not retried so late. */
const LINES_WITHIN_MS = (RETRY_WITHIN_DAYS + 1) * 86_400_000;

interface Candidate {
  readonly seq: number;
  readonly id: string;
  readonly pipeline: string;
  readonly createdAtMs: number;
}

interface BlockPlace {
  readonly id: number;
  readonly run: string;
  readonly lastSeq: number;
  readonly size: number;
}

interface Search extends LogSearch {
  readonly read: LogStore["read"];
}

/** See `LogStore.search`. */
export async function searchLogs(db: Database, what: Search): Promise<LogFindings> {
  const slices = new Slices(what.budgetMs);
  const matches = logMatcher(what.filter);
  const found: FoundLine[] = [];
  let place = what.from ?? { runSeq: Number.MAX_SAFE_INTEGER, afterSeq: 0 };
  for (;;) {
    const { runs: candidates, nextSeq } = await readCandidates(db, what, place.runSeq);
    const logs = await readPlaces(db, candidates);
    const bodies = new BlockBodies(db, logs.blocks.filter((block) => mayHold(block, what.filter)));
    for (const run of candidates) {
      const afterSeq = run.seq === place.runSeq ? place.afterSeq : what.afterSeq ?? 0;
      for await (const { lines, seq } of linesOf(run, afterSeq, what, logs, bodies)) {
        for (const line of lines) {
          if (line.seq <= afterSeq || !matches(line)) continue;
          found.push({ run: run.id, pipeline: run.pipeline, ...line });
          if (found.length >= what.limit) {
            return { lines: found, next: { runSeq: run.seq, afterSeq: line.seq }, backToMs: run.createdAtMs };
          }
        }
        if (await slices.isOver()) {
          return { lines: found, next: { runSeq: run.seq, afterSeq: seq }, backToMs: run.createdAtMs };
        }
      }
    }
    if (nextSeq === null) return { lines: found, next: null, backToMs: null };
    place = { runSeq: nextSeq, afterSeq: 0 };
    if (await slices.isOver()) {
      const backToMs = candidates.at(-1)?.createdAtMs ?? null;
      return { lines: found, next: place, backToMs };
    }
  }
}

/** The next runs whose lines may be wanted, the newest first, and where those behind them begin; null for no more. */
async function readCandidates(
  db: Database,
  { pipeline, pipelines, environment, run, filter: { sinceMs, untilMs } }: LogSearch,
  fromSeq: number,
): Promise<{ runs: Candidate[]; nextSeq: number | null }> {
  const conditions: SQL[] = [lte(runs.seq, fromSeq)];
  if (run !== undefined) conditions.push(eq(runs.id, run));
  if (pipeline !== undefined) conditions.push(eq(runs.pipeline, pipeline));
  if (pipelines !== undefined) conditions.push(inArray(runs.pipeline, [...pipelines]));
  const { seq, id, state, createdAtMs, finishedAtMs } = runs;
  const rows = await storing(
    ACTION,
    db.select({ seq, id, pipeline: runs.pipeline, state, createdAtMs, finishedAtMs }).from(runs)
      .where(and(...conditions, inEnvironment(environment))).orderBy(desc(runs.seq)).limit(RUNS_AT_ONCE),
  );
  const last = rows.at(-1);
  const isLast = last === undefined || rows.length < RUNS_AT_ONCE ||
    (sinceMs !== undefined && last.createdAtMs < sinceMs - LINES_WITHIN_MS);
  return {
    runs: rows.filter((row) =>
      (untilMs === undefined || row.createdAtMs < untilMs) &&
      (sinceMs === undefined || !isTerminal(row.state) || (row.finishedAtMs ?? Infinity) >= sinceMs)
    ),
    nextSeq: isLast ? null : last.seq - 1,
  };
}

type Places = Awaited<ReturnType<typeof readPlaces>>;

/** Where the lines of these runs are: their blocks in order, and which of them have rows. */
async function readPlaces(db: Database, candidates: readonly Candidate[]) {
  const ids = candidates.map(({ id }) => id);
  if (ids.length === 0) {
    return { blocks: [], withRows: new Set<string>(), lastPacked: new Map<string, number>() };
  }
  const asked = sql`json_each(${JSON.stringify(ids)}) as asked`;
  const [blocks, rows] = await storing(
    ACTION,
    db.batch([
      // In the order of the runs that are asked for.
      db.select({
        id: logBlocks.id,
        run: logBlocks.run,
        lastSeq: logBlocks.lastSeq,
        firstAtMs: logBlocks.firstAtMs,
        lastAtMs: logBlocks.lastAtMs,
        levels: logBlocks.levels,
        size: sql<number>`length(${logBlocks.body})`,
      }).from(asked).innerJoin(logBlocks, sql`${logBlocks.run} = asked.value`)
        .orderBy(sql`asked.key`, asc(logBlocks.firstSeq)),
      db.select({ run: sql<string>`asked.value` }).from(asked)
        .where(sql`exists (select 1 from ${runLogs} where ${runLogs.run} = asked.value)`),
    ]),
  );
  return {
    blocks,
    withRows: new Set(rows.map(({ run }) => run)),
    lastPacked: new Map(blocks.map(({ run, lastSeq }) => [run, lastSeq])),
  };
}

/** Lines of a run that may fit, and the seq up to which they are all that do; compressed ones first. */
async function* linesOf(
  { id }: Candidate,
  afterSeq: number,
  { read, filter }: Search,
  logs: Places,
  bodies: BlockBodies,
): AsyncGenerator<{ lines: LogLine[]; seq: number }> {
  for (const block of bodies.of(id)) {
    if (block.lastSeq <= afterSeq) continue;
    const body = await bodies.read(block);
    yield { lines: body === undefined ? [] : unpackBlock(body, filter.text), seq: block.lastSeq };
  }
  if (!logs.withRows.has(id)) return;
  let seq = Math.max(afterSeq, logs.lastPacked.get(id) ?? 0);
  for (;;) {
    // By way of `read`: they may have been packed in this moment.
    const lines = await read(id, { afterSeq: seq, limit: LINES_AT_ONCE });
    seq = lines.at(-1)?.seq ?? seq;
    yield { lines, seq };
    if (lines.length < LINES_AT_ONCE) return;
  }
}

/** Reads blocks some at a time, in their order: most are small, and each question of the store costs. */
class BlockBodies {
  readonly #db: Database;
  readonly #byRun: Map<string, BlockPlace[]>;
  #ahead: readonly BlockPlace[];
  #held = new Map<number, Uint8Array>();

  constructor(db: Database, blocks: readonly BlockPlace[]) {
    this.#db = db;
    this.#ahead = blocks;
    this.#byRun = Map.groupBy(blocks, ({ run }) => run);
  }

  of(run: string): readonly BlockPlace[] {
    return this.#byRun.get(run) ?? [];
  }

  /** Undefined where its run was forgotten meanwhile. */
  async read(block: BlockPlace): Promise<Uint8Array | undefined> {
    if (!this.#held.has(block.id)) await this.#readFrom(block);
    return this.#held.get(block.id);
  }

  async #readFrom(block: BlockPlace): Promise<void> {
    const ahead = this.#ahead.slice(this.#ahead.indexOf(block));
    let bytes = 0;
    const count = ahead.findIndex(({ size }, index) => {
      bytes += size;
      return index > 0 && (index >= BLOCKS_AT_ONCE || bytes > BYTES_AT_ONCE);
    });
    const chosen = count === -1 ? ahead : ahead.slice(0, count);
    this.#ahead = ahead.slice(chosen.length);
    const rows = await storing(
      ACTION,
      this.#db.select({ id: logBlocks.id, body: logBlocks.body }).from(logBlocks)
        .where(inArray(logBlocks.id, chosen.map(({ id }) => id))),
    );
    this.#held = new Map(rows.map(({ id, body }) => [id, body]));
  }
}

/** Gives way to others every few milliseconds, and tells when the time is over. */
class Slices {
  readonly #untilMs: number;
  #sliceEndsMs = performance.now() + SLICE_MS;

  constructor(budgetMs = Infinity) {
    this.#untilMs = performance.now() + budgetMs;
  }

  async isOver(): Promise<boolean> {
    if (performance.now() < this.#sliceEndsMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 0));
    const nowMs = performance.now();
    this.#sliceEndsMs = nowMs + SLICE_MS;
    return nowMs > this.#untilMs;
  }
}
