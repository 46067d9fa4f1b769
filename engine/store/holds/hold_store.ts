import { eq, gt, sql } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import { pipelineHolds } from "../schema.ts";
import type { HoldStore } from "./port.ts";

export function createHoldStore(db: Database): HoldStore {
  return {
    async hold(pipeline, holder, nowMs, untilMs) {
      const taken = db.insert(pipelineHolds).values({ pipeline, holder, untilMs }).onConflictDoUpdate({
        target: pipelineHolds.pipeline,
        set: { holder, untilMs },
        setWhere: sql`${pipelineHolds.holder} = ${holder} or ${pipelineHolds.untilMs} <= ${nowMs}`,
      }).returning({ pipeline: pipelineHolds.pipeline });
      return (await storing(`hold the pipeline "${pipeline}" still`, taken)).length > 0;
    },

    async release(holder) {
      await storing(
        "let held pipelines go",
        db.delete(pipelineHolds).where(eq(pipelineHolds.holder, holder)),
      );
    },

    async isAnyHeld(nowMs) {
      const query = db.select({ pipeline: pipelineHolds.pipeline }).from(pipelineHolds)
        .where(gt(pipelineHolds.untilMs, nowMs)).limit(1);
      return (await storing("read the holds", query)).length > 0;
    },
  };
}
