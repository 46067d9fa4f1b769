import type { Delivery, NotifierView, Problem } from "../../../../contract/alerts/problem.ts";
import { problemCursor } from "../../../../contract/alerts/problem_cursor.ts";
import { type PageRequest, readPages } from "../../../../contract/lists/page.ts";
import { AppError } from "../../../../contract/errors.ts";
import { DURATION_PATTERN, durationMs } from "../../../../contract/pipeline/words.ts";
import type { Alerts } from "../../../../engine/control/alerts/alerts.ts";
import { formatPlural } from "../../../../text/format.ts";
import { didYouMean, listWords } from "../../../../text/suggest.ts";
import type { CommandRun, Invocation } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { formatTable } from "../../table.ts";
import type { Terminal } from "../../terminal.ts";
import { formatTime, oneLine, shortRunId, withoutSeconds } from "../../text.ts";

const ALERT_ACTIONS = ["list", "test", "ack", "unack", "mute", "unmute", "notifiers", "deliveries"];
/** What is about one problem. */
const ON_PROBLEMS = ["ack", "unack", "mute", "unmute"];
const LISTED = 100;

/** `sluice alerts`: open problems; acknowledges and mutes them, tests notifiers, and shows what was sent. */
export const alerts: CommandRun = async (invocation, context) => {
  const [action = "list", name = "", ...rest] = invocation.arguments;
  requireForm(action, name, rest);
  const forMs = readFor(invocation, action);
  const limit = readInteger(invocation, "limit", { minimum: 1, maximum: 1_000_000, fallback: LISTED });
  const use = action === "list" || action === "notifiers" || action === "deliveries" ? "read" : "change";
  await using connection = await connect(readFolders(invocation, context), context, invocation.command, use);
  const { alerts } = connection.engine;
  const { terminal } = context;
  const isJson = invocation.flag("json");
  if (action === "test") {
    const stop = new AbortController();
    using _interrupts = context.onInterrupt(() => stop.abort(new AppError("cancelled", "Stopped")));
    const test = await alerts.test(name, "the command line", stop.signal);
    const outcome = test.ok ? "took the message" : "did not take the message";
    terminal.out(isJson ? JSON.stringify(test) : `"${name}" ${outcome}: ${oneLine(test.message)}`);
    return test.ok ? 0 : 1;
  }
  if (ON_PROBLEMS.includes(action)) {
    const problem = await change(alerts, action, await find(alerts, name), forMs);
    terminal.out(isJson ? JSON.stringify(problem) : `${oneLine(problem.key)}: ${changedWords(problem)}`);
  } else if (action === "notifiers") showNotifiers(await alerts.notifiers(), isJson, terminal);
  else if (action === "deliveries") {
    const filter = name === "" ? {} : { notifier: name };
    const readPage = (page: PageRequest) => alerts.deliveries({ ...filter, ...page });
    showDeliveries(await readPages(limit, readPage, ({ id }) => id), isJson, terminal);
  } else {
    const filter = invocation.flag("all") ? {} : { isOpen: true };
    const readPage = (page: PageRequest) => alerts.problems({ ...filter, ...page });
    showProblems(await readPages(limit, readPage, problemCursor), isJson, terminal);
  }
  return 0;
};

function requireForm(action: string, name: string, rest: readonly string[]): void {
  if (!ALERT_ACTIONS.includes(action)) {
    const hint = didYouMean(action, ALERT_ACTIONS);
    throw new AppError(
      "invalid",
      `sluice alerts ${action}: expected ${listWords(ALERT_ACTIONS, "or")}${hint}`,
    );
  }
  if (rest.length > 0) throw new AppError("invalid", `sluice alerts ${action} takes one name`);
  if (name === "" && action === "test") {
    throw new AppError("invalid", "sluice alerts test needs the NAME of a notifier");
  }
  if (name === "" && ON_PROBLEMS.includes(action)) {
    throw new AppError(
      "invalid",
      `sluice alerts ${action} needs the ID of a problem, or the name of a pipeline`,
    );
  }
}

/** A day where nothing else is said. */
function readFor(invocation: Invocation, action: string): number {
  const text = invocation.text("for");
  if (text !== undefined && action !== "mute") {
    throw new AppError("invalid", "--for goes with sluice alerts mute");
  }
  if (text === undefined) return durationMs("1d");
  if (text !== "" && DURATION_PATTERN.test(text) && durationMs(text) > 0) return durationMs(text);
  throw new AppError("invalid", `--for is "${text}", expected a duration such as 30m, 8h or 7d`);
}

/** By its id, the beginning or end of one, or its pipeline's name. Throws not_found, and conflict for several. */
async function find(alerts: Alerts, text: string): Promise<Problem> {
  const readPage = (page: PageRequest) => alerts.problems({ isOpen: true, ...page });
  const open = await readPages(Infinity, readPage, problemCursor);
  const upper = text.toUpperCase();
  const found = open.filter(({ id, key, pipeline }) =>
    id.startsWith(upper) || id.endsWith(upper) || key === text || pipeline === text
  );
  const [only, other] = found;
  if (only === undefined) throw new AppError("not_found", `There is no open problem "${text}"`);
  if (other === undefined) return only;
  const words = found.map(({ id, kind }) => `${shortRunId(id)} (${kind})`);
  throw new AppError("conflict", `"${text}" may be ${listWords(words, "or")}: say which by its id`);
}

function change(alerts: Alerts, action: string, { id }: Problem, forMs: number): Promise<Problem> {
  switch (action) {
    case "ack":
      return alerts.acknowledge(id, "the command line");
    case "unack":
      return alerts.acknowledge(id, null);
    case "mute":
      return alerts.mute(id, forMs);
    default:
      return alerts.mute(id, null);
  }
}

function changedWords({ acknowledged_by, muted_until }: Problem): string {
  const words = [
    acknowledged_by === null ? "not acknowledged" : `acknowledged by ${acknowledged_by}`,
    muted_until === null ? "not muted" : `muted until ${formatTime(muted_until)} UTC`,
  ];
  return words.join(", ");
}

function showProblems(problems: readonly Problem[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(problems));
  if (problems.length === 0) return terminal.note("There are no open problems");
  const rows = problems.map((one) => [
    shortRunId(one.id),
    one.pipeline ?? "",
    one.kind,
    formatTime(one.opened_at),
    String(one.count),
    stateOf(one),
    oneLine(one.message),
  ]);
  const columns = [
    { title: "ID" },
    { title: "PIPELINE", minWidth: 12 },
    { title: "KIND" },
    { title: "SINCE (UTC)", short: withoutSeconds, mayGo: true },
    { title: "TIMES", align: "right" as const, mayGo: true },
    { title: "STATE" },
    { title: "WHAT", minWidth: 24 },
  ];
  terminal.out(formatTable(columns, rows, terminal.tableColumns()));
}

function stateOf({ closed_at, acknowledged_by, muted_until }: Problem): string {
  if (closed_at !== null) return "over";
  if (muted_until !== null) return "muted";
  return acknowledged_by === null ? "open" : "acknowledged";
}

function showNotifiers(notifiers: readonly NotifierView[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(notifiers));
  if (notifiers.length === 0) return terminal.note("There are no notifiers: notifiers.yaml names them");
  const rows = notifiers.map(({ name, type, pipelines, last }) => [
    name,
    type,
    formatPlural(pipelines.length, "pipeline"),
    last === null ? "" : `${last.state} ${formatTime(last.created_at)}`,
    oneLine(last?.error ?? ""),
  ]);
  const columns = [
    { title: "NAME", minWidth: 12 },
    { title: "TYPE" },
    { title: "USED BY", mayGo: true },
    { title: "LAST (UTC)" },
    { title: "ERROR", minWidth: 20 },
  ];
  terminal.out(formatTable(columns, rows, terminal.tableColumns()));
}

function showDeliveries(deliveries: readonly Delivery[], isJson: boolean, terminal: Terminal): void {
  if (isJson) return terminal.out(JSON.stringify(deliveries));
  if (deliveries.length === 0) return terminal.note("Nothing was sent yet");
  const rows = deliveries.map((one) => [
    formatTime(one.created_at),
    one.notifier,
    one.state,
    String(one.attempt),
    String(one.event_count),
    oneLine(one.title ?? ""),
    oneLine(one.error ?? ""),
  ]);
  const columns = [
    { title: "AT (UTC)", short: withoutSeconds },
    { title: "NOTIFIER", minWidth: 10 },
    { title: "STATE" },
    { title: "TRIES", align: "right" as const, mayGo: true },
    { title: "EVENTS", align: "right" as const, mayGo: true },
    { title: "TITLE", minWidth: 20 },
    { title: "ERROR", minWidth: 20 },
  ];
  terminal.out(formatTable(columns, rows, terminal.tableColumns()));
}
