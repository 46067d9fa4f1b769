import type { ChangeRule } from "../../../contract/checks/rules.ts";
import { isReached } from "../../../contract/checks/threshold.ts";
import type { SqlRow } from "../../../contract/sql.ts";
import { formatDuration, formatPlural } from "../../../text/format.ts";
import type { Check } from "../../language/checks/check.ts";
import type { Measured } from "./measure_checks.ts";

export interface Verdict {
  readonly state: "passed" | "warned" | "failed";
  readonly failures: number;
  /** `not_null(day): 3 of 120 rows`. It quotes no row: whoever sees a run reads it, and alerts carry it out of the house. */
  readonly message: string;
}

/** A value of an earlier run, newest first. */
export interface PastValue {
  readonly value: number;
  readonly atMs: number;
}

/** What comes of a check by what was measured. `past` is what a `change` was in the runs before. */
export function judge(check: Check, measured: Measured, past: readonly PastValue[] = []): Verdict {
  const { rule } = check;
  switch (rule.kind) {
    case "row_count":
      return byText(check, rowCountFault(rule, measured.values));
    case "recency":
      return byText(check, ageFault(measured.values, rule.errorAfterMs));
    case "freshness": {
      const { errorAfterMs = Infinity, warnAfterMs = Infinity } = rule;
      const error = ageFault(measured.values, errorAfterMs);
      if (error.isFault && rule.errorAfterMs !== undefined) return byText(check, error);
      const warning = ageFault(measured.values, warnAfterMs);
      return byText(check, warning, warning.isFault ? "warned" : undefined);
    }
    case "change":
      return byText(check, changeFault(rule, measured.values["value"], past));
    default:
      return byFailures(check, measured);
  }
}

/** Whether the rows of its SELECT are rows that fail, and not what was measured of the whole table. */
export function hasFailingRows({ measure }: Check): boolean {
  return measure.by !== "values";
}

function byFailures({ label, rule, severity, thresholds }: Check, { failures, total }: Measured): Verdict {
  const { errorIf = "!= 0", warnIf = "!= 0" } = thresholds;
  const state = severity === "error" && isReached(errorIf, failures, total)
    ? "failed"
    : isReached(warnIf, failures, total)
    ? "warned"
    : "passed";
  const rows = formatCount(total, "row");
  const found = rule.kind === "unique" || rule.kind === "unique_together"
    ? `${formatCount(failures, rule.kind === "unique" ? "value" : "combination")} more than once in ${rows}`
    : rule.kind === "query"
    ? formatCount(failures, "row")
    : `${failures} of ${rows}`;
  const what = failures === 0 ? `no failures in ${rows}` : found;
  const limit = state === "failed" ? thresholds.errorIf : state === "warned" ? thresholds.warnIf : undefined;
  const reason = limit === undefined ? "" : ` (${limit.trim()})`;
  const tolerated = state === "passed" && failures > 0 ? ", which its thresholds allow" : "";
  return { state, failures, message: `${label}: ${what}${reason}${tolerated}` };
}

const formatCount = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? "" : "s"}`;

interface Finding {
  readonly isFault: boolean;
  readonly text: string;
}

function byText({ label, severity }: Check, { isFault, text }: Finding, state?: "warned"): Verdict {
  return {
    state: !isFault ? "passed" : state ?? (severity === "warn" ? "warned" : "failed"),
    failures: isFault ? 1 : 0,
    message: `${label}: ${text}`,
  };
}

function rowCountFault(
  { min, max, equalTo }: { readonly min?: number; readonly max?: number; readonly equalTo?: string },
  values: SqlRow,
): Finding {
  const rows = Number(values["rows"] ?? 0);
  const other = Number(values["expected"] ?? 0);
  const wanted = [
    ...(min !== undefined && rows < min ? [`at least ${min}`] : []),
    ...(max !== undefined && rows > max ? [`at most ${max}`] : []),
    ...(equalTo !== undefined && rows !== other ? [`${other} as in ${equalTo}`] : []),
  ];
  return {
    isFault: wanted.length > 0,
    text: wanted.length === 0
      ? formatCount(rows, "row")
      : `${formatCount(rows, "row")}, expected ${wanted.join(" and ")}`,
  };
}

function ageFault({ newest, age }: SqlRow, limitMs: number): Finding {
  if (newest === null || newest === undefined) {
    return { isFault: limitMs !== Infinity, text: "there is no value, so nothing is recent" };
  }
  const ageMs = Number(age) * 1_000;
  const isFault = ageMs > limitMs;
  const old = ageMs < 0 ? "after the run's moment" : `${formatDuration(ageMs)} before the run's moment`;
  const expected = isFault ? `, expected at most ${formatDuration(limitMs)}` : "";
  return { isFault, text: `the newest value is ${newest}, ${old}${expected}` };
}

function changeFault(rule: ChangeRule, value: unknown, past: readonly PastValue[]): Finding {
  const { sinceMs = -Infinity, runs, minRuns, direction } = rule;
  const known = past.filter(({ atMs }) => atMs >= sinceMs).slice(0, runs).map((one) => one.value);
  if (typeof value !== "number") return { isFault: true, text: "the metric is NULL" };
  const shown = shownNumber(value);
  if (known.length < minRuns) {
    const have = `${known.length} of ${formatPlural(minRuns, "earlier run")}`;
    return {
      isFault: false,
      text: `${shown}; not compared yet, there ${known.length === 1 ? "is" : "are"} ${have}`,
    };
  }
  const mean = known.reduce((sum, one) => sum + one, 0) / known.length;
  const difference = value - mean;
  const isCounted = direction === "both" || (direction === "up" ? difference > 0 : difference < 0);
  const word = difference < 0 ? "less" : "more";
  const before = `the mean of ${formatPlural(known.length, "earlier run")} (${shownNumber(mean)})`;
  if (rule.zScore !== undefined) {
    const variance = known.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (known.length - 1 || 1);
    const deviation = Math.sqrt(variance);
    const score = difference === 0 ? 0 : Math.abs(difference) / deviation;
    const text = `${shown} is ${shownNumber(score)} standard deviations ${word} than ${before}`;
    const isFault = isCounted && score > rule.zScore;
    return { isFault, text: isFault ? `${text}, expected at most ${rule.zScore}` : text };
  }
  const { maxShare = 0 } = rule;
  const share = difference === 0 ? 0 : Math.abs(difference) / Math.abs(mean);
  const isFault = isCounted && share > maxShare;
  const text = difference === 0
    ? `${shown}, as ${before}`
    : `${shown} is ${shownShare(share)} ${word} than ${before}`;
  return { isFault, text: isFault ? `${text}, expected at most ${shownShare(maxShare)}` : text };
}

const shownNumber = (value: number): string =>
  Number.isInteger(value)
    ? String(value)
    : Number.isFinite(value)
    ? String(Number(value.toPrecision(4)))
    : "any";
const shownShare = (share: number): string =>
  Number.isFinite(share) ? `${Number((share * 100).toPrecision(3))} %` : "any share";
