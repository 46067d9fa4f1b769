import { AppError, toErrorRecord } from "../../../contract/errors.ts";
import type { LiveAnswers, LiveAsk, LiveJob } from "../../../contract/jobs/live_job.ts";
import { formatSql } from "../../../sql/format/format_sql.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { LivePipeline } from "./live_pipeline.ts";
import { sqlFunctions } from "./sql_functions.ts";

export interface LiveOrder {
  readonly id: number;
  readonly ask: LiveAsk;
}

/** Does what it is asked, one after the other, and keeps what it has found of each pipeline for the next time. */
export async function liveJob(
  job: LiveJob,
  context: JobContext,
  orders: AsyncIterable<LiveOrder>,
): Promise<void> {
  const pipelines = new Map<string, LivePipeline>();
  // For what needs no pipeline.
  let session: Promise<DuckSession> | undefined;
  const empty = () =>
    session ??= openDatabase({
      path: ":memory:",
      ...databaseLimits({ ...job.duckdb, directories: [], files: [] }),
    }).then((database) => database.session());
  const checked = (name: string): LivePipeline => {
    const pipeline = pipelines.get(name);
    if (pipeline !== undefined) return pipeline;
    throw new AppError("not_found", `The pipeline "${name}" was not checked yet`);
  };
  const work = async (ask: LiveAsk): Promise<LiveAnswers[keyof LiveAnswers]> => {
    switch (ask.kind) {
      case "check": {
        const { name } = ask.subject;
        const pipeline = pipelines.get(name) ?? new LivePipeline(job, context);
        pipelines.set(name, pipeline);
        return await pipeline.check(ask.subject);
      }
      case "forget":
        await pipelines.get(ask.pipeline)?.[Symbol.asyncDispose]();
        pipelines.delete(ask.pipeline);
        return null;
      case "lineage":
        return await checked(ask.pipeline).lineage();
      case "columns":
        return await checked(ask.pipeline).columnsOf(ask.sql);
      case "functions":
        return await sqlFunctions(await empty());
      case "format":
        return await formatSql(await empty(), ask.text);
    }
  };
  for await (const { id, ask } of orders) {
    try {
      context.reporter.send({ type: "live", id, answer: { answer: await work(ask) } });
    } catch (error) {
      context.reporter.send({ type: "live", id, answer: { error: toErrorRecord(error) } });
    }
  }
}
