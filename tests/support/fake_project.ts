import type { BackfillDetail } from "../../contract/backfills/backfill.ts";
import type {
  Attempt,
  LogLine,
  PipelineDetail,
  PipelineStep,
  RunDetail,
  RunState,
  Step,
} from "../../contract/run.ts";
import type {
  LoadSummary,
  LoadVerification,
  Receipt,
  Verdict,
  Verification,
} from "../../contract/loads/verification.ts";
import type { ScheduleView } from "../../contract/pipeline/schedule_view.ts";
import type { TablePreview } from "../../contract/table.ts";
import { cronWords } from "../../text/cron_words.ts";
import { formatInZone } from "../../text/zone_time.ts";
import { addFakeAlerts } from "./fake_alerts.ts";
import { FakeEngine } from "./fake_engine.ts";
import { fakeStreams, TRAFFIC } from "./fake_streams.ts";

/**
 * A project in every state that a page can show: pipelines that run, fail, wait, are paused, are
 * faulty and have never run, and texts that try to be more than text.
 */

export const NOW = "2026-07-30T09:41:30.000Z";
const NOW_MS = Date.parse(NOW);

/** Text with everything that a page must not let through as it is. */
const HOSTILE = `<script>alert("x")</script><img src=x onerror=alert(1)> & "quoted" \u001b[31mred\u001b[0m`;

export const RUN_IDS = {
  running: "01985a10-7c1e-7b60-9a41-5d0f3c2a9e11",
  failed: "01985a0e-1f2d-7c33-8f02-b7a1c4de8812",
  succeeded: "01985a0c-94aa-7e10-a9d3-0c55aa91f4c3",
  queued: "01985a11-0001-7a00-8b00-aa0102030405",
} as const;

const REVISION = "9f2c41d07be86a3315c0e4a8d7f6b5c4a39281706f5e4d3c2b1a09f8e7d6c5b4";
const COMMIT = "4be1f0a97c2d3e5f60718293a4b5c6d7e8f90123";

const at = (secondsAgo: number): string => new Date(NOW_MS - secondsAgo * 1_000).toISOString();

export function createFakeProject(now: () => number = () => NOW_MS): FakeEngine {
  const engine = new FakeEngine(now);
  addFakeAlerts(engine.alerts, now());
  for (const pipeline of pipelines()) engine.addPipeline(pipeline);
  addHistory(engine, "exchange_rates", 40, 900, 1_400);
  addHistory(engine, "flights", 12, 86_400, 41_000);
  addHistory(engine, "orders", 14, 3_600, 9_000, [3, 9]);
  addHistory(engine, "web_events", 12, 3_600, 122_000, [1, 2, 7]);
  addHistory(engine, "crm_sync", 6, 86_400, 5_000);
  engine.setTables("flights", flightTables());
  const reason = 'column "distance" is "far", expected BIGINT';
  engine.setRejects("flights", [{
    stream: "flights",
    count: 3,
    reason,
    run: RUN_IDS.succeeded,
    changed_at: at(0),
    rejects: [{
      reason,
      position: "data/flights.csv line 12",
      row: '{"flight":"UA 12","distance":"far"}',
      run: RUN_IDS.succeeded,
      attempt: 1,
      tries: 0,
      rejected_at: at(0),
    }],
  }, {
    stream: "load:hourly_weather→lake",
    count: 1,
    reason: HOSTILE,
    run: RUN_IDS.succeeded,
    changed_at: at(0),
    rejects: [{
      reason: `422: ${HOSTILE}`,
      position: "day 2013-01-01",
      row: `{"day":"2013-01-01","note":"<b>"}`,
      run: RUN_IDS.succeeded,
      attempt: 1,
      tries: 0,
      rejected_at: at(0),
    }],
  }]);
  engine.setStreams("flights", fakeStreams({ at, run: RUN_IDS.succeeded, hostile: HOSTILE }));
  engine.setLoads("flights", flightLoads());
  engine.setVerification(flightVerification());
  engine.addRun(succeededRun(), succeededLogs());
  engine.addRun(failedRun(), failedLogs());
  engine.addRun(queuedRun());
  engine.addRun(runningRun(), runningLogs());
  engine.backfills.add(hostileBackfill(at(4_000)));
  return engine;
}

function hostileBackfill(createdAt: string): BackfillDetail {
  const day = (number: number) => `2013-01-0${number}T00:00:00.000Z`;
  return {
    group: "orders of <spring>",
    pipeline: "orders",
    state: "running",
    window_start: day(1),
    window_end: day(4),
    total: 3,
    runs: { queued: 1, running: 0, succeeded: 1, failed: 1, cancelled: 0 },
    rows_extracted: 20,
    rows_loaded: 10,
    params: { note: HOSTILE },
    select: HOSTILE,
    triggered_by: HOSTILE,
    created_at: createdAt,
    finished_at: null,
    remaining_ms: 9_000,
    windows: (["succeeded", "failed", "queued"] as const).map((state, index) => ({
      run: `01930000-0000-7000-9000-00000000000${index}`,
      window_start: day(index + 1),
      window_end: day(index + 2),
      state,
      attempt: 1,
      duration_ms: 9_000,
      rows_loaded: 10,
      error: state === "failed" ? { code: "invalid", message: HOSTILE } : null,
    })),
  };
}

const RECEIPT: Receipt = {
  run: RUN_IDS.succeeded,
  loaded_at: at(1_202),
  rows: 5_840,
  size_bytes: 240_000,
  inserted: 5_840,
  updated: 0,
  deleted: 5_812,
  hash: "00c3f1a2b4d5e697",
};

function flightLoads(): LoadSummary[] {
  const checked = (verdict: Verdict) => ({ verdict, verified_at: at(90), run: RUN_IDS.succeeded });
  const load = (name: string, change: Partial<LoadSummary>): LoadSummary => ({
    load: `load:${name}`,
    table: name.split("→")[0] ?? "",
    connector: name.split("→")[1] ?? "",
    target: "out/delays",
    mode: "replace",
    receipt: RECEIPT,
    verification: null,
    ...change,
  });
  return [
    load("daily_delays→lake", { verification: checked("same") }),
    load("daily_delays→reporting", {
      target: "daily_delays",
      mode: "merge",
      verification: checked("differs"),
    }),
    load("carrier_ranking→reporting", {
      target: "carrier_ranking",
      receipt: { ...RECEIPT, rows: 16, verified: true },
    }),
    load("hourly_weather→lake", { target: "out/weather", receipt: null }),
    load("carrier_ranking→book", { target: "out/ranking.xlsx", verification: checked("not_verifiable") }),
  ];
}

function flightVerification(): Verification {
  const found = (load: string, change: Partial<LoadVerification>): LoadVerification => ({
    load,
    verdict: "same",
    message: "The target holds what was loaded",
    notes: [],
    receipt: RECEIPT,
    expected_rows: 5_840,
    expected_hash: "00c3f1a2b4d5e697",
    found_rows: 5_840,
    found_hash: "00c3f1a2b4d5e697",
    target_rows: 5_840,
    against_receipt: "same",
    against_warehouse: "same",
    verified_at: at(90),
    duration_ms: 840,
    ...change,
  });
  return {
    pipeline: "flights",
    load: null,
    state: "done",
    started_at: at(92),
    finished_at: at(89),
    started_by: HOSTILE,
    error: null,
    ok: false,
    loads: [
      found("load:daily_delays→lake", {}),
      found("load:daily_delays→reporting", {
        verdict: "differs",
        message:
          `The target does not hold what was loaded: 2 rows are not there as they were sent, as ${HOSTILE}`,
        notes: ["12 other rows of the target are not this load's to verify"],
        found_rows: 5_838,
        against_receipt: "differs",
        against_warehouse: "differs",
      }),
      found("load:carrier_ranking→book", {
        verdict: "not_verifiable",
        message: "It cannot be read back exactly: a workbook keeps numbers of 15 digits and no types",
        found_rows: null,
        found_hash: null,
      }),
    ],
  };
}

const WAL_WARNING = "The slot sluice_flights keeps 12.0 GB of the log, more than max_retained_wal (10GB)";

function pipeline(change: Partial<PipelineDetail> & { name: string }): PipelineDetail {
  return {
    environment: null,
    description: null,
    tags: [],
    owner: null,
    origin: "files",
    revision: REVISION,
    git_commit: COMMIT,
    schedule: null,
    schedules: change.schedule ? [change.schedule] : [],
    after: null,
    paused: false,
    next_run_at: null,
    last_run: null,
    faults: [],
    warnings: [],
    definition: {},
    source: null,
    files: [],
    followed_by: [],
    sensors: [],
    steps: [],
    followed: [],
    ...change,
  };
}

/** With five firings a day apart, where there is a first one. */
function scheduled(cron: string, timezone: string, first?: string): ScheduleView {
  const next = first === undefined ? [] : Array.from({ length: 5 }, (_, days) => {
    const atMs = Date.parse(first) + days * 86_400_000;
    return { at: new Date(atMs).toISOString(), local: formatInZone(atMs, timezone) };
  });
  return { cron, timezone, words: cronWords(cron), next };
}

function pipelines(): PipelineDetail[] {
  return [
    pipeline({
      name: "flights",
      description: "Departures from New York in 2013, by carrier and by the weather at the time.",
      tags: ["core", "daily"],
      schedule: scheduled("0 2 * * *", "Europe/Paris", "2026-07-31T00:00:00.000Z"),
      next_run_at: "2026-07-31T00:00:00.000Z",
      warnings: [WAL_WARNING],
      followed: [{
        connector: "airports",
        position: "16/B374D848",
        behind_bytes: 2_048,
        retained_bytes: 12_000_000_000,
        up_to: at(90),
        caught_up: false,
        warning: WAL_WARNING,
        looked_at: at(30),
        lag_seconds: 90,
        streams: [
          { stream: "flights", last_change_at: at(120), error: null },
          { stream: "weather", last_change_at: null, error: "there is no table <public.weather>" },
        ],
      }],
      definition: {
        schedule: { cron: "0 2 * * *", timezone: "Europe/Paris" },
        params: {
          region: {
            type: "string",
            default: "us",
            enum: ["us", "eu", "apac"],
            description: "Where the airport is.",
          },
          since: { type: "date", default: "2013-01-01" },
          threshold: { type: "integer", default: 15, description: "Minutes from which a flight is late." },
          include_cancelled: { type: "boolean", default: false },
        },
        extract: {
          flights: { connector: "files", path: "data/flights/*.csv", mode: "full" },
          weather: { connector: "files", path: "data/weather.json" },
        },
        load: { daily_delays: [{ connector: "lake", path: "out/delays", mode: "replace" }] },
        timeout: "30m",
      },
      source: {
        path: "pipelines/flights.yaml",
        content:
          '# Departures, every night.\nschedule: { cron: "0 2 * * *", timezone: Europe/Paris } # local time\n',
      },
      files: flightFiles(),
      steps: flightSteps(),
    }),
    pipeline({
      name: "orders",
      description: "The shop's orders, incrementally, and what each day earned.",
      tags: ["core", "finance"],
      schedule: scheduled("0 * * * *", "Europe/Paris", "2026-07-30T10:00:00.000Z"),
      next_run_at: "2026-07-30T10:00:00.000Z",
      steps: flightSteps().slice(0, 5),
    }),
    pipeline({
      name: "web_events",
      description: "Clickstream from the collector, sessionised.",
      tags: ["marketing"],
      schedule: scheduled("15 * * * *", "UTC", "2026-07-30T10:15:00.000Z"),
      next_run_at: "2026-07-30T10:15:00.000Z",
    }),
    pipeline({
      name: "exchange_rates",
      description: "Reference rates of the European Central Bank.",
      tags: ["finance"],
      schedule: scheduled("*/15 * * * *", "UTC", "2026-07-30T09:45:00.000Z"),
      next_run_at: "2026-07-30T09:45:00.000Z",
      origin: "api",
    }),
    pipeline({
      name: "crm_sync",
      description: HOSTILE,
      schedule: scheduled("0 6 * * 1-5", "America/New_York"),
      paused: true,
      faults: [
        {
          file: "pipelines/crm_sync.yaml",
          line: 14,
          column: 7,
          message: 'unknown key "updatekey"; did you mean "update_key"?',
          severity: "error",
        },
        {
          file: "transforms/crm_sync/contacts.sql",
          line: 9,
          column: 12,
          message: 'Binder Error: Referenced column "emial" not found in FROM clause; candidate: "email"',
          severity: "error",
        },
      ],
    }),
    pipeline({
      name: "board_pack",
      description: "Figures for the quarterly meeting, when somebody asks for them.",
    }),
    pipeline({
      name: "a_pipeline_with_a_very_long_name_that_goes_on_and_on_and_on_63",
      definition: { params: { customer: { type: "string", description: "Whose figures." } } },
      steps: flightSteps().slice(0, 1),
      description: null,
      tags: ["x".repeat(50)],
    }),
  ];
}

function flightFiles(): { path: string; content: string }[] {
  return [
    {
      path: "transforms/flights/departures.sql",
      content: `/* @sluice
columns:
  flight_id: { checks: [not_null, unique] }
*/
-- One row a departure; times as timestamps, not as 24-hour numbers.
SELECT
  md5(concat_ws('|', carrier, flight, time_hour)) AS flight_id,
  carrier,
  origin,
  dest,
  try_cast(dep_delay AS INTEGER) AS delay_minutes,
  time_hour::TIMESTAMP AS scheduled_at
FROM raw.flights
WHERE origin IN ('JFK', 'LGA', 'EWR')
`,
    },
    {
      path: "transforms/flights/daily_delays.sql",
      content: `SELECT day, carrier_name, avg(delay_minutes) AS mean_delay,
  count(*) FILTER (WHERE delay_minutes > getvariable('threshold')) AS late
FROM departures_with_weather
GROUP BY ALL
`,
    },
  ];
}

function planned(kind: PipelineStep["kind"], name: string, depends: string[], summary: string): PipelineStep {
  const isModel = kind === "model";
  return {
    name: `${kind}:${name}`,
    kind,
    depends,
    summary,
    file: isModel ? `transforms/flights/${name}.sql` : null,
    sql: isModel || kind === "check"
      ? `SELECT *\nFROM ${depends[0]?.split(":")[1] ?? "raw"} -- ${name}\nWHERE note = 'it''s'`
      : null,
  };
}

function flightSteps(): PipelineStep[] {
  return [
    planned("extract", "flights", [], "files data/flights/*.csv, full"),
    planned("extract", "weather", [], "files data/weather.json, full"),
    planned("extract", "airlines", [], "reference airlines, full"),
    planned("model", "departures", ["extract:flights"], "table"),
    planned("model", "hourly_weather", ["extract:weather"], "view"),
    planned("model", "departures_with_weather", [
      "model:departures",
      "model:hourly_weather",
      "extract:airlines",
    ], "table"),
    planned("model", "daily_delays", ["model:departures_with_weather"], "incremental by day"),
    planned("model", "carrier_ranking", ["model:departures_with_weather", "extract:airlines"], "table"),
    planned("check", "departures.not_null_flight_id", ["model:departures"], "not_null"),
    planned("check", "departures.unique_flight_id", ["model:departures"], "unique"),
    planned("check", "daily_delays.accepted_values_origin", ["model:daily_delays"], "accepted_values"),
    planned("load", "daily_delays→lake", ["model:daily_delays"], "lake out/delays, replace"),
    planned("load", "daily_delays→reporting", ["model:daily_delays"], "reporting daily_delays, merge by day"),
    planned(
      "load",
      "carrier_ranking→reporting",
      ["model:carrier_ranking"],
      "reporting carrier_ranking, replace",
    ),
  ];
}

function flightTables(): TablePreview[] {
  const columns = (names: string) =>
    names.split(" ").map((column) => {
      const [name = "", type = "VARCHAR"] = column.split(":");
      return { name, type, description: name === "distance" ? "In miles." : null };
    });
  const written = { changed_at: at(1_223.4), run: RUN_IDS.succeeded, note: null, cursor: null };
  return [
    {
      ...written,
      name: "raw.flights",
      step: "extract:flights",
      description: "Departures as the bureau publishes them.",
      columns: columns(
        "flight_id:BIGINT carrier:VARCHAR origin:VARCHAR departed_at:TIMESTAMP distance:INTEGER note",
      ),
      row_count: 336_776,
      cursor: { column: "departed_at", value: "2013-12-31 23:59:00", type: "TIMESTAMP" },
      rows: Array.from({ length: 50 }, (_, i) => [
        String(i + 1),
        "UA",
        "EWR",
        `2013-01-01 05:${String(i).padStart(2, "0")}:00`,
        i % 7 === 0 ? null : String(1_400 + i),
        i === 3 ? HOSTILE : "",
      ]),
    },
    {
      ...written,
      name: "raw.weather",
      step: "extract:weather",
      description: null,
      columns: columns("time_hour:TIMESTAMP temp:DOUBLE"),
      row_count: null,
      changed_at: null,
      run: null,
      rows: [],
    },
    {
      ...written,
      name: "hourly_weather",
      step: "model:hourly_weather",
      description: "One row an hour and airport.",
      columns: columns("time_hour:TIMESTAMP origin temp:DOUBLE"),
      row_count: null,
      rows: [],
      note: "Reading it took too long for a preview",
    },
  ];
}

export function makeRun(change: Partial<RunDetail> & { id: string; pipeline: string }): RunDetail {
  return {
    revision: REVISION,
    git_commit: COMMIT,
    state: "succeeded",
    reason: null,
    trigger: "schedule",
    triggered_by: "schedule",
    attempt: 1,
    params: {},
    select: null,
    full_refresh: false,
    group: null,
    parent: null,
    priority: 0,
    cancelled_by: null,
    window_start: null,
    window_end: at(60),
    window_given: false,
    created_at: at(60),
    not_before: null,
    started_at: at(59),
    finished_at: at(50),
    duration_ms: 9_000,
    rows_extracted: 1_200,
    rows_loaded: 300,
    warnings: 0,
    peak_rss_bytes: 214_000_000,
    error: null,
    steps: [],
    attempts: [],
    ...change,
  };
}

function addHistory(
  engine: FakeEngine,
  name: string,
  count: number,
  everySeconds: number,
  durationMs: number,
  failed: readonly number[] = [],
): void {
  for (let ago = count; ago >= 1; ago -= 1) {
    const state: RunState = failed.includes(ago) ? "failed" : "succeeded";
    const tookMs = Math.round(durationMs * (0.6 + (ago * 37 % 17) / 17));
    const startedAgo = ago * everySeconds + 120;
    engine.addRun(makeRun({
      id: `01985${name.length.toString(16)}${name.charCodeAt(0).toString(16)}-0000-7000-8000-${
        String(count - ago).padStart(12, "0")
      }`,
      pipeline: name,
      state,
      created_at: at(startedAgo + 1),
      window_end: at(startedAgo + 1),
      started_at: at(startedAgo),
      finished_at: at(startedAgo - tookMs / 1_000),
      duration_ms: tookMs,
      rows_extracted: 1_000 * name.length * (1 + ago % 5),
      rows_loaded: 90 * name.length,
      warnings: ago % 6 === 0 ? 1 : 0,
      error: state === "failed"
        ? { code: "unavailable", message: `Cannot reach "shop" at db.internal:5432: connection refused` }
        : null,
    }));
  }
}

function step(change: Partial<Step> & { name: string; kind: Step["kind"] }): Step {
  return {
    state: "succeeded",
    attempt: 1,
    rows: null,
    size_bytes: null,
    started_at: null,
    finished_at: null,
    duration_ms: null,
    error: null,
    sql: null,
    depends: [],
    ...change,
  };
}

/** A step that began and ended so many seconds ago. */
function timed(plan: PipelineStep, fromAgo: number, toAgo: number, change: Partial<Step> = {}): Step {
  return step({
    name: plan.name,
    kind: plan.kind,
    depends: [...plan.depends],
    sql: plan.sql,
    started_at: at(fromAgo),
    finished_at: at(toAgo),
    duration_ms: Math.round((fromAgo - toAgo) * 1_000),
    ...change,
  });
}

function succeededRun(): RunDetail {
  const plan = new Map(flightSteps().map((planned) => [planned.name, planned]));
  const done = (name: string, from: number, to: number, change: Partial<Step> = {}): Step => {
    const planned = plan.get(name);
    if (planned === undefined) throw new Error(`no step ${name}`);
    return timed(planned, from, to, change);
  };
  return makeRun({
    id: RUN_IDS.succeeded,
    pipeline: "flights",
    trigger: "page",
    triggered_by: "ada",
    params: { region: "us", threshold: 15, since: "2013-01-01", note: HOSTILE },
    created_at: at(1_243),
    started_at: at(1_242),
    finished_at: at(1_200.6),
    duration_ms: 41_400,
    window_start: at(87_642),
    window_end: at(1_243),
    rows_extracted: 363_005,
    rows_loaded: 11_690,
    warnings: 1,
    peak_rss_bytes: 412_880_896,
    steps: [
      done("extract:flights", 1_242, 1_223.4, { rows: 336_776, size_bytes: 33_100_000 }),
      done("extract:weather", 1_242, 1_237.8, { rows: 26_213, rejects: 7, size_bytes: 4_120_000 }),
      done("extract:airlines", 1_241.9, 1_241.6, { rows: 16, size_bytes: 812 }),
      done("model:departures", 1_223.4, 1_218.1, { rows: 328_521 }),
      done("check:departures.not_null_flight_id", 1_218.1, 1_218, { rows: 0 }),
      done("check:departures.unique_flight_id", 1_218, 1_217.6, {
        rows: 24,
        state: "warned",
        error: { code: "invalid", message: "24 rows share a flight_id, as a1b2c3 (2 rows), d4e5f6 (2 rows)" },
      }),
      done("model:hourly_weather", 1_218, 1_217.9, { rows: 26_209 }),
      done("model:departures_with_weather", 1_217.6, 1_208.2, { rows: 328_521 }),
      done("model:daily_delays", 1_208.2, 1_205, { rows: 5_840 }),
      done("check:daily_delays.accepted_values_origin", 1_205, 1_204.8, { rows: 0 }),
      done("model:carrier_ranking", 1_205, 1_204.6, { rows: 16 }),
      done("load:daily_delays→lake", 1_204.6, 1_202.1, {
        rows: 5_840,
        size_bytes: 240_000,
        sql: null,
        inserted: 5_840,
        updated: 0,
        deleted: 5_812,
        hash: "00c3f1a2b4d5e697",
        verified: true,
      }),
      done("load:daily_delays→reporting", 1_204.6, 1_200.8, {
        rows: 5_834,
        size_bytes: 1_310_000,
        sql: null,
      }),
      done("load:carrier_ranking→reporting", 1_200.9, 1_200.6, { rows: 16, size_bytes: 1_024, sql: null }),
    ],
  });
}

function succeededLogs(): LogLine[] {
  const entries: [LogLine["level"], string | null, string][] = [
    ["info", null, "attempt 1 of revision 9f2c41d0"],
    ["debug", "extract:flights", "opening files, 12 files match data/flights/*.csv"],
    ["info", "extract:flights", "336,776 rows, 33.1 MB in 18.6 s"],
    ["info", "extract:weather", "26,213 rows, 4.12 MB in 4.2 s"],
    ["warn", "check:departures.unique_flight_id", "24 rows fail: a1b2c3 (2 rows), d4e5f6 (2 rows)"],
    ["info", "model:daily_delays", "merged 5,840 rows by day"],
    ["info", "load:daily_delays→lake", "5,840 rows to out/delays"],
    ["info", null, "succeeded in 41.4 s"],
  ];
  return entries.map(([level, step, message], index) => ({
    seq: index + 1,
    at: at(1_242 - index * 5.91),
    level,
    attempt: 1,
    step,
    message,
  }));
}

function failedRun(): RunDetail {
  const steps = flightSteps();
  const error = {
    code: "invalid" as const,
    message:
      'Cannot read "events/2026-07-30.ndjson" line 4812: column "amount" is "abc", expected DECIMAL(18,2)',
    detail: `Conversion Error: Could not convert string "abc" to DECIMAL(18,2)\n${HOSTILE}\n${
      "0123456789".repeat(40)
    }`,
  };
  return makeRun({
    id: RUN_IDS.failed,
    pipeline: "web_events",
    state: "failed",
    reason: "attempt 3 of 3 failed",
    attempt: 3,
    attempts: [
      fakeAttempt(1, 500, 478, {
        code: "unavailable",
        message: "Cannot reach db.internal:5432: connection refused",
      }),
      fakeAttempt(2, 440, 428, error),
      fakeAttempt(3, 372, 360, error),
    ],
    created_at: at(500),
    started_at: at(372),
    finished_at: at(360),
    duration_ms: 12_040,
    rows_extracted: 4_811,
    rows_loaded: 0,
    error,
    steps: steps.slice(0, 8).map((planned, index) => {
      if (index === 0) return timed(planned, 499, 480, { rows: 120_334, size_bytes: 9_400_000, attempt: 1 });
      if (index === 1) return timed(planned, 372, 360.1, { state: "failed", attempt: 3, error, rows: 4_811 });
      return step({
        name: planned.name,
        kind: planned.kind,
        state: "skipped",
        attempt: 3,
        sql: planned.sql,
        depends: planned.depends,
      });
    }),
  });
}

function fakeAttempt(attempt: number, fromAgo: number, toAgo: number, error: Attempt["error"]): Attempt {
  return {
    attempt,
    worker: "01M8BP23CSEDXHJ6TPH44TEVTQ",
    state: "failed",
    started_at: at(fromAgo),
    finished_at: at(toAgo),
    duration_ms: Math.round((fromAgo - toAgo) * 1_000),
    error,
    peak_rss_bytes: 190_000_000 + attempt,
  };
}

function failedLogs(): LogLine[] {
  return Array.from({ length: 60 }, (_, index) => ({
    seq: index + 1,
    at: at(372 - index / 5),
    level: index === 59 ? "error" : index % 9 === 0 ? "debug" : "info",
    attempt: index < 20 ? 1 : index < 40 ? 2 : 3,
    step: index === 0 ? null : "extract:weather",
    message: index === 59 ? `${HOSTILE}\nsecond line of the same message` : `batch ${index}: 65,536 rows`,
  }));
}

function queuedRun(): RunDetail {
  return makeRun({
    id: RUN_IDS.queued,
    pipeline: "exchange_rates",
    state: "queued",
    reason: "retry 2 of 3 at 09:42:10",
    attempt: 1,
    created_at: at(45),
    not_before: at(-40),
    started_at: null,
    finished_at: null,
    duration_ms: null,
    rows_extracted: 0,
    rows_loaded: 0,
    peak_rss_bytes: null,
  });
}

function runningRun(): RunDetail {
  const steps = flightSteps();
  return makeRun({
    id: RUN_IDS.running,
    pipeline: "orders",
    state: "running",
    trigger: "api",
    triggered_by: "nightly-job",
    created_at: at(19),
    started_at: at(18),
    finished_at: null,
    duration_ms: null,
    rows_extracted: 201_000,
    rows_loaded: 0,
    peak_rss_bytes: 188_000_000,
    steps: steps.map((planned, index) => {
      if (index === 0) return timed(planned, 18, 6, { rows: 201_000, size_bytes: 18_000_000 });
      if (index === 1 || index === 3) {
        return step({
          name: planned.name,
          kind: planned.kind,
          state: "running",
          started_at: at(index === 1 ? 17 : 6),
          ...index === 1 ? { traffic: TRAFFIC } : {},
          sql: planned.sql,
          depends: planned.depends,
        });
      }
      return step({
        name: planned.name,
        kind: planned.kind,
        state: "pending",
        attempt: 0,
        sql: planned.sql,
        depends: planned.depends,
      });
    }),
  });
}

function runningLogs(): LogLine[] {
  return [
    { seq: 1, at: at(18), level: "info", attempt: 1, step: null, message: "attempt 1 of revision 9f2c41d0" },
    {
      seq: 2,
      at: at(6),
      level: "info",
      attempt: 1,
      step: "extract:flights",
      message: "201,000 rows, 18.0 MB in 12.0 s",
    },
  ];
}
