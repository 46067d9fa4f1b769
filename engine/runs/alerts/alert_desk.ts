import { monotonicFactory } from "ulid";
import type { AlertKind } from "../../../contract/alerts/notify.ts";
import type { AlertEvent, ProblemKind, ServerKind } from "../../../contract/alerts/problem.ts";
import type { Run } from "../../../contract/run.ts";
import type { AlertChange, OpenProblem } from "../../store/alerts/alert_store.ts";
import type { Recipient, Recipients, Subject } from "./recipients.ts";

/** What rules find. */
export type FoundKind = (AlertKind | ServerKind) & ProblemKind;

/** What is wrong, as a rule has found it. */
export interface Finding {
  readonly kind: FoundKind;
  readonly subject: Subject;
  readonly message: string;
  /** The run that shows it. */
  readonly run?: Run | undefined;
  readonly atMs: number;
  /** Whether this is one time more, as another failed run is; else the problem just goes on. */
  readonly counts: boolean;
}

export const problemKey = (subject: Subject, kind: ProblemKind): string =>
  `${typeof subject === "string" ? subject : subject.server} ${kind}`;

/**
 * Gathers what is to be written about problems and sent to notifiers, in order, on top of what the store has. Of one
 * problem a notifier hears when it begins, again where it goes on for long, and when it is over; of one that
 * is acknowledged when it is over; of one that is muted nothing.
 */
export class AlertDesk {
  readonly changes: AlertChange[] = [];
  /** In the order in which they are made. */
  readonly #newId = monotonicFactory();
  readonly #recipients: Recipients;
  readonly #open: Map<string, OpenProblem>;
  readonly #mutes: ReadonlyMap<string, number>;

  constructor(
    recipients: Recipients,
    known: { readonly open: readonly OpenProblem[]; readonly mutes: ReadonlyMap<string, number> },
  ) {
    this.#recipients = recipients;
    this.#open = new Map(known.open.map((problem) => [problem.key, problem]));
    this.#mutes = known.mutes;
  }

  /** The open problem of this kind. */
  find(subject: Subject, kind: ProblemKind): OpenProblem | undefined {
    return this.#open.get(problemKey(subject, kind));
  }

  /** All that are open. */
  get open(): readonly OpenProblem[] {
    return [...this.#open.values()];
  }

  /** Opens the problem, or notes that it is still there. */
  async raise(finding: Finding): Promise<void> {
    const { kind, subject, run, message, atMs, counts } = finding;
    const key = problemKey(subject, kind);
    const pipeline = pipelineOf(subject);
    const known = this.#open.get(key);
    const isMuted = this.#isMuted(key, atMs);
    const wanted = isMuted || known?.isAcknowledged ? [] : await this.#recipients.of(subject, kind);
    const told = wanted.filter(({ repeatMs }) => isDue(known, repeatMs, atMs, counts));
    const problem: OpenProblem = {
      id: known?.id ?? this.#newId(atMs),
      key,
      kind,
      pipeline,
      run: run?.id ?? known?.run ?? null,
      message,
      count: (known?.count ?? 0) + (counts || known === undefined ? 1 : 0),
      lastAtMs: atMs,
      isAcknowledged: known?.isAcknowledged ?? false,
      notifiedAtMs: told.length > 0 ? atMs : known?.notifiedAtMs ?? null,
    };
    const { id, run: shownBy } = problem;
    const isTold = told.length > 0;
    this.changes.push(
      known === undefined
        ? { type: "open", problem: { id, key, kind, pipeline, run: shownBy, message, atMs, isTold } }
        : { type: "again", id, run: shownBy, message, atMs, isTold, counts },
    );
    this.#open.set(key, problem);
    this.#tell(told, { event: kind, of: null, ...factsOf(finding), key, count: problem.count }, id);
  }

  /** The problem is over, where it was there; those hear of it who have heard of it. */
  async settle(
    subject: Subject,
    kind: FoundKind,
    over: { readonly message: string; readonly run?: Run | undefined; readonly atMs: number },
  ): Promise<void> {
    const key = problemKey(subject, kind);
    const known = this.#open.get(key);
    if (known === undefined) return;
    // Who hears of recoveries alone was never told of what they are of.
    const isUnheard = known.notifiedAtMs === null && kind !== "failure";
    const isQuiet = isUnheard || this.#isMuted(key, over.atMs);
    const told = isQuiet ? [] : await this.#recipients.of(subject, "recovery", kind);
    const event = { event: "recovery" as const, of: kind, ...factsOf({ ...over, subject }), key };
    this.#tell(told, { ...event, count: known.count }, known.id);
    this.drop(known, over.atMs);
  }

  /** Closes a problem without a word, as where its pipeline is gone. */
  drop({ id, key }: OpenProblem, atMs: number): void {
    this.changes.push({ type: "close", id, atMs });
    this.#open.delete(key);
  }

  /** Something that is no problem, as a success. */
  async report(
    kind: AlertKind,
    what: { readonly pipeline: string; readonly message: string; readonly run: Run; readonly atMs: number },
  ): Promise<void> {
    const key = `${what.pipeline} ${kind}`;
    if (this.#isMuted(problemKey(what.pipeline, "failure"), what.atMs)) return;
    this.#tell(await this.#recipients.of(what.pipeline, kind), {
      event: kind,
      of: null,
      ...factsOf({ ...what, subject: what.pipeline }),
      key,
      count: 1,
    });
  }

  #isMuted(key: string, atMs: number): boolean {
    return (this.#mutes.get(key) ?? 0) > atMs;
  }

  #tell(recipients: readonly Recipient[], event: AlertEvent, problem?: string): void {
    for (const { notifier, groupMs } of recipients) {
      const deliveryId = this.#newId(Date.parse(event.at));
      const notice = { notifier, groupMs, event, deliveryId, ...(problem === undefined ? {} : { problem }) };
      this.changes.push({ type: "notify", notice });
    }
  }
}

const pipelineOf = (subject: Subject): string | null => typeof subject === "string" ? subject : null;

function isDue(known: OpenProblem | undefined, repeatMs: number, atMs: number, counts: boolean): boolean {
  if (known === undefined || known.notifiedAtMs === null) return true;
  return counts && atMs - known.notifiedAtMs >= repeatMs;
}

function factsOf(
  { subject, message, run, atMs }: Pick<Finding, "subject" | "message" | "run" | "atMs">,
): Omit<AlertEvent, "event" | "of" | "key" | "count"> {
  return {
    pipeline: pipelineOf(subject),
    run: run?.id ?? null,
    at: new Date(atMs).toISOString(),
    message,
    attempt: run?.attempt ?? null,
    trigger: run?.trigger ?? null,
    duration_ms: run?.duration_ms ?? null,
    rows_extracted: run?.rows_extracted ?? null,
    rows_loaded: run?.rows_loaded ?? null,
  };
}
