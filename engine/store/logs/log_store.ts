import { and, asc, eq, gt, lte, max, sql } from "drizzle-orm";
import { isTerminal } from "../../../contract/run_state.ts";
import type { LogLine } from "../../../contract/run.ts";
import { type Database, storing } from "../database.ts";
import { logLineOf, storableText } from "../rows.ts";
import { isHeld } from "../run_changes.ts";
import { logBlocks, runLogs, runs } from "../schema.ts";
import type { LogStore } from "../ports/logs.ts";
import { packBlock, unpackBlock } from "./log_block.ts";
import { searchLogs } from "./search_logs.ts";

/** How many blocks are read at once. */
const BLOCKS_AT_ONCE = 16;
/** More than a block holds, unless its lines are very short. */
const LINES_TO_PACK = 2_000;

export function createLogStore(db: Database): LogStore {
  const read: LogStore["read"] = async (runId, { afterSeq, limit }) => {
    const lines: LogLine[] = [];
    for (let seq = afterSeq;;) {
      // Of one moment: lines that are packed meanwhile are seen once, as the one or the other.
      const [blocks, rows] = await storing(
        `read the log of run ${runId}`,
        db.batch([
          db.select({ lastSeq: logBlocks.lastSeq, body: logBlocks.body }).from(logBlocks)
            .where(and(eq(logBlocks.run, runId), gt(logBlocks.lastSeq, seq)))
            .orderBy(asc(logBlocks.firstSeq)).limit(BLOCKS_AT_ONCE),
          db.select().from(runLogs)
            .where(and(eq(runLogs.run, runId), gt(runLogs.seq, seq)))
            .orderBy(asc(runLogs.seq)).limit(limit - lines.length),
        ]),
      );
      for (const { body } of blocks) {
        if (lines.length >= limit) break;
        lines.push(...unpackBlock(body).filter((line) => line.seq > seq));
      }
      if (blocks.length < BLOCKS_AT_ONCE) lines.push(...rows.map(logLineOf));
      if (blocks.length < BLOCKS_AT_ONCE || lines.length >= limit) return lines.slice(0, limit);
      seq = blocks.at(-1)?.lastSeq ?? seq;
    }
  };

  return {
    read,

    // All lines as one JSON value: binding each of their columns by itself takes five times as long.
    async append(lease, lines) {
      if (lines.length === 0) return true;
      const rows = lines.map((line) => [
        line.seq,
        Date.parse(line.at),
        line.level,
        line.step,
        storableText(line.message),
      ]);
      const insert = db.run(sql`
        insert into run_logs (run, attempt, seq, at, level, step, message)
        select ${lease.run}, ${lease.attempt},
          value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
        from json_each(${JSON.stringify(rows)}) where ${isHeld(lease)}
      `);
      return (await storing(`write the log of run ${lease.run}`, insert)).rowsAffected > 0;
    },

    async lastSeq(runId) {
      const [[row], [block]] = await storing(
        `read the log of run ${runId}`,
        db.batch([
          db.select({ seq: max(runLogs.seq) }).from(runLogs).where(eq(runLogs.run, runId)),
          db.select({ seq: max(logBlocks.lastSeq) }).from(logBlocks).where(eq(logBlocks.run, runId)),
        ]),
      );
      return Math.max(row?.seq ?? 0, block?.seq ?? 0);
    },

    search: (what) => searchLogs(db, { ...what, read }),

    async pack({ after, endedBeforeMs }) {
      const [found] = await storing(
        "look for logs to compress",
        db.select({ run: runLogs.run, state: runs.state, finishedAtMs: runs.finishedAtMs })
          .from(runLogs).innerJoin(runs, eq(runs.id, runLogs.run))
          .where(gt(runLogs.run, after)).orderBy(asc(runLogs.run)).limit(1),
      );
      if (found === undefined) return undefined;
      const { run, state, finishedAtMs } = found;
      if (!isTerminal(state) || finishedAtMs === null || finishedAtMs >= endedBeforeMs) {
        return { lines: 0, after: run };
      }
      const action = `compress the log of run ${run}`;
      const rows = await storing(
        action,
        db.select().from(runLogs).where(eq(runLogs.run, run)).orderBy(asc(runLogs.seq)).limit(LINES_TO_PACK),
      );
      const packed = packBlock(rows.map(logLineOf));
      if (packed === undefined) return { lines: 0, after: run };
      const { block, count } = packed;
      // Where another server has been faster, the key of the block refuses both.
      await storing(
        action,
        db.batch([
          db.insert(logBlocks).values({ run, ...block, body: Buffer.from(block.body) }),
          db.delete(runLogs).where(and(eq(runLogs.run, run), lte(runLogs.seq, block.lastSeq))),
        ]),
      );
      const isAll = count === rows.length && rows.length < LINES_TO_PACK;
      return { lines: count, after: isAll ? run : after };
    },
  };
}
