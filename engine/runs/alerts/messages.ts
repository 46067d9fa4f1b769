import type { Notifier } from "../../../contract/alerts/notifiers.ts";
import type { AlertEvent } from "../../../contract/alerts/problem.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { fillTemplate } from "../../../text/template.ts";
import type { ClaimedDelivery } from "../../store/alerts/alert_store.ts";

/** So many events of a message are told one by one; how many more there are is said. */
const MAX_LINES = 20;

/** What a transport sends. */
export interface Message {
  /** The delivery's id: receivers tell a repeat by it. */
  readonly id: string;
  readonly notifier: string;
  readonly title: string;
  /** One for each event, up to 20, and one that says how many more there are. */
  readonly lines: readonly string[];
  readonly events: readonly AlertEvent[];
  readonly attempt: number;
  /** Whether it may have been delivered before. */
  readonly isRepeated: boolean;
  readonly createdAtMs: number;
  /** The page of an event's run, or of its pipeline; undefined where nobody has said how the server is reached. */
  link(event: AlertEvent): string | undefined;
}

/** The message of a delivery, by the notifier's templates. `publicUrl` is where people reach the server. */
export function messageOf(
  { id, notifier, attempt, events, createdAtMs }: ClaimedDelivery,
  config: Pick<Notifier, "title" | "text">,
  publicUrl: string | undefined,
): Message {
  const link = (event: AlertEvent) => linkOf(event, publicUrl);
  const lineOf = (event: AlertEvent) => {
    const values = valuesOf(event, link(event));
    if (config.text !== undefined) return fillTemplate(config.text, values);
    const times = event.count > 1 && event.event !== "recovery" ? ` (${event.count} times)` : "";
    return `${headline(event)}: ${event.message}${times}${values["url"] === "" ? "" : ` ${values["url"]}`}`;
  };
  const told = events.slice(0, MAX_LINES);
  const more = events.length - told.length;
  const lines = told.map(lineOf);
  const [first] = events;
  const title = events.length === 1 && first !== undefined
    ? config.title === undefined ? headline(first) : fillTemplate(config.title, valuesOf(first, link(first)))
    : `Sluice: ${summary(events)}`;
  const isRepeated = attempt > 1;
  return {
    id,
    notifier,
    title: `${isRepeated ? "[repeated] " : ""}${oneLine(title)}`,
    lines: more === 0
      ? lines
      : [...lines, `… and ${formatPlural(more, "more event")}: ${summary(events.slice(MAX_LINES))}`],
    events,
    attempt,
    isRepeated,
    createdAtMs,
    link,
  };
}

/** The lines of a message as one text. */
export const textOf = ({ lines, isRepeated }: Message): string =>
  [...lines, ...(isRepeated ? ["This message may have been delivered before."] : [])].join("\n");

/** What templates of a body may name. */
export function bodyValues(message: Message): Record<string, string> {
  const [first] = message.events;
  return {
    ...(first === undefined ? {} : valuesOf(first, message.link(first))),
    title: message.title,
    text: textOf(message),
    id: message.id,
    events: String(message.events.length),
    repeated: String(message.isRepeated),
  };
}

const HEADLINES: Readonly<Record<AlertEvent["event"], string>> = {
  success: "succeeded",
  failure: "failed",
  retry: "is tried again",
  recovery: "recovered",
  warning: "warned",
  late: "is late",
  stale: "has stale data",
  volume: "had unusual counts of rows",
  sensor: "waits for files",
  disk: "starts no runs: the disk is nearly full",
  certificate: "has a certificate that is about to expire, or cannot be renewed",
  definitions: "cannot pull its definitions: they stay as they were",
  test: "sends a test",
};

function headline({ pipeline, event, of }: AlertEvent): string {
  const subject = pipeline ?? "Sluice";
  if (event === "recovery" && of === "late") return `${subject} is late no more`;
  if (event === "recovery" && of === "stale") return `${subject} has fresh data again`;
  if (event === "recovery" && of === "volume") return `${subject} has usual counts of rows again`;
  if (event === "recovery" && of === "disk") return `${subject} starts runs again: the disk has room`;
  if (event === "recovery" && of === "certificate") return `${subject} has a good certificate again`;
  if (event === "recovery" && of === "definitions") return `${subject} pulls its definitions again`;
  if (event === "recovery" && of === "sensor") return `${subject} finds files again`;
  return `${subject} ${HEADLINES[event]}`;
}

const NOUNS: Readonly<Record<AlertEvent["event"], readonly [string, string]>> = {
  success: ["success", "successes"],
  failure: ["failure", "failures"],
  retry: ["retry", "retries"],
  recovery: ["recovery", "recoveries"],
  warning: ["run with warnings", "runs with warnings"],
  late: ["late run", "late runs"],
  stale: ["pipeline with stale data", "pipelines with stale data"],
  volume: ["run with unusual counts", "runs with unusual counts"],
  sensor: ["pipeline that waits for files", "pipelines that wait for files"],
  disk: ["disk that is nearly full", "disks that are nearly full"],
  certificate: ["certificate that wants to be renewed", "certificates that want to be renewed"],
  definitions: ["repository that cannot be pulled", "repositories that cannot be pulled"],
  test: ["test", "tests"],
};

/** `3 failures, 1 recovery`. */
function summary(events: readonly AlertEvent[]): string {
  const counts = new Map<AlertEvent["event"], number>();
  for (const { event } of events) counts.set(event, (counts.get(event) ?? 0) + 1);
  return [...counts].map(([event, count]) => formatPlural(count, ...NOUNS[event])).join(", ");
}

function valuesOf(event: AlertEvent, url: string | undefined): Record<string, string> {
  const count = (value: number | null) => value === null ? "" : formatCount(value);
  return {
    pipeline: event.pipeline ?? "",
    event: event.event,
    of: event.of ?? "",
    run: event.run ?? "",
    at: event.at,
    message: event.message,
    count: String(event.count),
    attempt: count(event.attempt),
    trigger: event.trigger ?? "",
    duration: event.duration_ms === null ? "" : formatDuration(event.duration_ms),
    rows_extracted: count(event.rows_extracted),
    rows_loaded: count(event.rows_loaded),
    url: url ?? "",
  };
}

function linkOf({ run, pipeline }: AlertEvent, publicUrl: string | undefined): string | undefined {
  if (publicUrl === undefined) return undefined;
  const base = publicUrl.replace(/\/+$/, "");
  if (run !== null) return `${base}/runs/${encodeURIComponent(run)}`;
  return pipeline === null ? `${base}/problems` : `${base}/pipelines/${encodeURIComponent(pipeline)}`;
}

/** A title is a mail's subject, too. */
const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, " ").trim();
