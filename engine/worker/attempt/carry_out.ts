import { toAppError } from "../../../contract/errors.ts";
import type { Graph } from "../../../sql/language/graph.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { Places } from "../places.ts";
import type { Plan } from "../plan.ts";
import { Previews } from "../reports/previews.ts";
import type { SessionPool } from "../session_pool.ts";
import { stepsAtOnce } from "../steps/steps_at_once.ts";
import { runTaskGraph } from "../task_graph.ts";
import { beginAttempt, type BegunAttempt } from "./begin_attempt.ts";
import { endAttempt, type EndOptions } from "./end_attempt.ts";
import { StepReports } from "./step_reports.ts";
import { StepRunner } from "./step_runner.ts";
import { StepWork, type StepWorkOptions } from "./step_work.ts";

export type AttemptOptions = StepWorkOptions & Pick<EndOptions, "written">;

/**
 * Carries out the steps of one attempt. Branches that do not depend on a failure go on. Throws the first failure when all
 * else is done, and the signal's reason when nothing runs any more.
 */
export async function carryOut(options: AttemptOptions, plan: Plan, graph: Graph): Promise<void> {
  const { job, sessions, context: { signal } } = options;
  const begun = await withSession(sessions, (session) => beginAttempt(session, job, plan, graph));
  const failure = await runSteps(options, begun);
  if (signal.aborted) throw toAppError(signal.reason);
  await withSession(sessions, (session) => endAttempt(session, options, begun, failure === undefined));
  if (failure !== undefined) throw failure;
}

/** Returns the first failure when nothing runs any more. */
async function runSteps(options: AttemptOptions, begun: BegunAttempt) {
  const { job, context, sessions, connections } = options;
  const { reporter, signal } = context;
  const { steps, committed } = begun;
  const previews = new Previews({
    runId: job.runId,
    lease: () => sessions.lease(),
    signal,
    send: (table) => reporter.send({ type: "table", table }),
    sendRejects: (rejects) => reporter.send({ type: "rejects", rejects }),
    sendStream: (stream) => reporter.send({ type: "stream", stream }),
  });
  const reports = new StepReports({ attempt: job.attempt, reporter, previews });
  const work = new StepWork(options, begun, reports);
  const runner = new StepRunner({ job, context, committed, work, reports });
  const places = new Places(connections, (planned) => work.straightLoadOf(planned));
  const tasks = steps.map((planned) => ({
    name: planned.step.name,
    depends: planned.step.depends,
    uses: places.usesOf(planned),
    planned,
  }));
  await runTaskGraph(tasks, {
    limit: stepsAtOnce(job.definition.resources, navigator.hardwareConcurrency),
    limitOf: (used) => places.limitOf(used),
    signal,
    partnerOf: ({ planned }) => {
      const load = work.loadInPass(planned);
      return load === undefined ? undefined : tasks.find((task) => task.planned === load);
    },
    run: ({ planned }, partner) => runner.run(planned, partner?.planned),
    skip: ({ planned }, because) => runner.skip(planned, because),
  });
  await work.done();
  await previews.done();
  return runner.failure;
}

async function withSession<T>(sessions: SessionPool, work: (session: DuckSession) => Promise<T>): Promise<T> {
  await using lease = await sessions.lease();
  return await work(lease.session);
}
