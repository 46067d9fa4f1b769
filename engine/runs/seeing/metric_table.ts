import type { MetricFamily, MetricSample, MetricType } from "../../../text/exposition.ts";

/** Every metric that a scrape can find: what is not here is in no dashboard and in no rule. */
export const METRICS = {
  sluice_build_info: ["gauge", "Always 1; its labels say what runs."],
  sluice_runs_total: ["counter", "Runs that have ended since the server started, by how."],
  sluice_run_attempts_total: ["counter", "Attempts of runs that have begun since the server started."],
  sluice_run_retries_total: ["counter", "Attempts after which a run was queued to be tried again."],
  sluice_run_duration_seconds: [
    "histogram",
    "How long the last attempts of ended runs took, of all pipelines together.",
  ],
  sluice_pipeline_run_duration_seconds: ["summary", "How long succeeded runs of a pipeline took."],
  sluice_schedule_delay_seconds: [
    "histogram",
    "From the time at which a schedule was to start a run to the begin of its first attempt.",
  ],
  sluice_queue_wait_seconds: ["histogram", "From the request of a run to the begin of its first attempt."],
  sluice_rows_total: ["counter", "Rows of steps that were done: extracted, modelled and loaded."],
  sluice_bytes_total: ["counter", "Bytes of steps that were done, where they know them."],
  sluice_steps_total: ["counter", "Steps of attempts that have ended, by kind and state."],
  sluice_step_duration_seconds: ["summary", "How long steps took, by kind."],
  sluice_queue_runs: [
    "gauge",
    "Runs that have not ended: running, queued to start now, or waiting for their time.",
  ],
  sluice_queue_oldest_age_seconds: ["gauge", "How long the run has waited that could have begun first."],
  sluice_queue_slots: ["gauge", "How many runs this server has at once at most."],
  sluice_pipeline_active_runs: ["gauge", "Runs of a pipeline that have not ended, where there are any."],
  sluice_pipeline_paused: ["gauge", "1 where the schedules of the pipeline are paused."],
  sluice_pipeline_faults: ["gauge", "Errors of the newest definition, which is therefore not in force."],
  sluice_pipeline_last_run_timestamp_seconds: ["gauge", "When the newest run of the pipeline ended."],
  sluice_pipeline_last_run_success: ["gauge", "1 where the newest ended run succeeded, 0 where not."],
  sluice_pipeline_last_run_duration_seconds: ["gauge", "How long the newest ended run took."],
  sluice_pipeline_last_run_peak_memory_bytes: ["gauge", "The greatest resident memory of its process."],
  sluice_pipeline_last_success_timestamp_seconds: ["gauge", "When the last successful run ended: freshness."],
  sluice_pipeline_data_until_timestamp_seconds: [
    "gauge",
    "Until when the window of the last successful run reaches.",
  ],
  sluice_open_problems: [
    "gauge",
    "Problems that are not over, by kind and whether somebody looks after them.",
  ],
  sluice_pipeline_open_problems: ["gauge", "Problems of a pipeline that are not over, where it has any."],
  sluice_alert_deliveries_total: [
    "counter",
    "Tries to send an alert that this server has ended since it started, by how.",
  ],
  sluice_alert_deliveries_waiting: ["gauge", "Alerts that gather events or wait for another try."],
  sluice_run_process_resident_memory_bytes: [
    "gauge",
    "Resident memory of the process of a run under way: DuckDB's, the drivers' and the program's.",
  ],
  sluice_server_heap_bytes: ["gauge", "JavaScript objects of the server's process."],
  sluice_data_disk_free_bytes: ["gauge", "Free on the disk of the data folder."],
  sluice_data_disk_size_bytes: ["gauge", "Size of the disk of the data folder."],
  sluice_data_disk_reserve_bytes: ["gauge", "No run begins while less than this is free on that disk."],
  sluice_server_starts_runs: [
    "gauge",
    "1 where queued runs begin, 0 where the server is drained or its disk full.",
  ],
  sluice_tls_certificate_expiry_timestamp_seconds: [
    "gauge",
    "When the server's own certificate expires, where it speaks HTTPS itself.",
  ],
  process_cpu_seconds_total: ["counter", "Processor time of the server's process."],
  process_resident_memory_bytes: ["gauge", "Resident memory of the server's process."],
  process_virtual_memory_bytes: ["gauge", "Virtual memory of the server's process."],
  process_start_time_seconds: ["gauge", "When the server's process started."],
  process_open_fds: ["gauge", "Open files and connections of the server's process."],
  process_max_fds: ["gauge", "How many of them it may have."],
} as const satisfies Readonly<Record<string, readonly [MetricType, string]>>;
export type MetricName = keyof typeof METRICS;

/** The samples of each metric, as far as there are any. */
export type MetricSamples = Readonly<Partial<Record<MetricName, readonly MetricSample[]>>>;

/** In the table's order. */
export function familiesOf(samples: MetricSamples): MetricFamily[] {
  return Object.keys(METRICS).filter(isMetric).map((name) => {
    const [type, help] = METRICS[name];
    return { name, type, help, samples: samples[name] ?? [] };
  });
}

function isMetric(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}
