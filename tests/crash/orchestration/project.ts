/**
 * What is asked of the server: a pipeline by the clock that reads on, one after it, one of posts, one of requests, one of a
 * backfill, and one that fails now and then. What each run did stands in the destination under the run's id.
 */

export const HOOK_SECRET = "s3cret-of-the-hook";
export const WINDOWS = 6;

/** Longer than anything that is done to them: a run that is killed each time is given up in the end. */
const RETRY = "retry: { limit: 30, interval: 200ms, backoff: constant }\nresources: { threads: 1 }\n";
/** One row a run, so that a load which is repeated, or left out, is seen. */
const OWN_ROW = "SELECT getvariable('run_id') AS run";

export interface Places {
  readonly databaseUrl: string;
  readonly alertUrl: string;
  readonly mailPort: number;
  /** How often `readings` is due. */
  readonly everyMs: number;
}

export function filesOf({ databaseUrl, alertUrl, mailPort, everyMs }: Places): Record<string, string> {
  return {
    "connectors.yaml": `base: { type: postgres, url: "${databaseUrl}" }\n`,
    "notifiers.yaml": [
      `pager: { type: webhook, url: "${alertUrl}", group: 0s }`,
      `mails: { type: smtp, host: 127.0.0.1, port: ${mailPort}, security: none, group: 0s, from: s@mail.test, to: t@mail.test }`,
      "",
    ].join("\n"),
    "pipelines/readings.yaml": [
      `schedule: { every: ${everyMs}ms, catchup: all }`,
      "overlap: queue",
      "extract:",
      "  readings: { connector: base, stream: public.readings, mode: append, update_key: id }",
      "load:",
      "  readings: { connector: base, table: made.readings, mode: merge, primary_key: [id] }",
      "  reads: { connector: base, table: made.reads, mode: append }",
      RETRY,
    ].join("\n"),
    "transforms/readings/reads.sql": `${OWN_ROW}, count(*) AS n FROM raw.readings\n`,
    "pipelines/following.yaml": [
      "after: [readings]",
      "overlap: queue",
      "load: { followed: { connector: base, table: made.followed, mode: append } }",
      RETRY,
    ].join("\n"),
    "transforms/following/followed.sql":
      `${OWN_ROW}, getvariable('window_start') AS since, getvariable('window_end') AS until\n`,
    "pipelines/orders.yaml": [
      'webhooks: { orders: { secret: "${secret:HOOK}" } }',
      "extract: { orders: { webhook: orders } }",
      "load: { orders: { connector: base, table: made.orders, mode: replace } }",
      RETRY,
    ].join("\n"),
    "pipelines/asked.yaml": [
      "params: { n: { type: integer } }",
      "load: { asked: { connector: base, table: made.asked, mode: append } }",
      RETRY,
    ].join("\n"),
    "transforms/asked/asked.sql": `${OWN_ROW}, getvariable('n') AS n\n`,
    "pipelines/filled.yaml": [
      "load: { filled: { connector: base, table: made.filled, mode: append } }",
      RETRY,
    ].join("\n"),
    "transforms/filled/filled.sql": `${OWN_ROW}, getvariable('window_start') AS since\n`,
    // What a param says, not the moment: the same run fails at each attempt.
    "pipelines/shaky.yaml": [
      "params: { fails: { type: boolean } }",
      "notify: [{ on: [failure, recovery], to: [pager, mails], repeat: 0s }]",
      RETRY,
    ].join("\n"),
    "transforms/shaky/shaky.sql": "SELECT CASE WHEN getvariable('fails') THEN error('boom') END AS x\n",
  };
}

export const PIPELINES = 6;
