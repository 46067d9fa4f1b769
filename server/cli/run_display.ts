import type { RunEvent, Step } from "../../contract/run.ts";
import { type Traffic, trafficText } from "../../contract/streams/traffic.ts";
import { shortProgressText, type StepProgress } from "../../contract/runs/progress.ts";
import type { Terminal } from "./terminal.ts";
import { formatBytes, formatDuration, formatPlural } from "../../text/format.ts";
import { oneLine, truncate } from "./text.ts";

/** Shows how a run goes. */
export interface RunDisplay extends Disposable {
  show(event: RunEvent): void;
  /** A line of the command's own. */
  note(text: string): void;
}

/**
 * A live display on a person's terminal, plain lines as steps end elsewhere, nothing where it is to be quiet.
 */
export function createRunDisplay(terminal: Terminal, { isQuiet = false } = {}): RunDisplay {
  if (isQuiet) return { show: () => {}, note: (text) => terminal.note(text), [Symbol.dispose]: () => {} };
  return terminal.isLive ? new LiveDisplay(terminal) : new LineDisplay(terminal);
}

/** Steps that are as they should be and need no line of their own. */
const isUnremarkable = (step: Step) => step.kind === "check" && step.state === "succeeded";
const hasEnded = (step: Step) => step.state !== "pending" && step.state !== "running";

const MARKS: Readonly<Record<Step["state"], string>> = {
  pending: "·",
  running: "·",
  succeeded: "✓",
  warned: "!",
  failed: "✗",
  skipped: "-",
  cancelled: "-",
};

/** `✓ extract:orders  1,204 rows  83 kB  0.4 s`. */
function formatStep(step: Step): string {
  const facts = [
    step.unchanged === true ? "not changed" : step.rows === null ? "" : formatPlural(step.rows, "row"),
    step.rejects === undefined || step.rejects === 0 ? "" : formatPlural(step.rejects, "reject"),
    step.size_bytes === null ? "" : formatBytes(step.size_bytes),
    step.duration_ms === null ? "" : formatDuration(step.duration_ms),
    step.state === "succeeded" ? "" : step.state,
  ];
  const line = [`${MARKS[step.state]} ${step.name.padEnd(36)}`, ...facts.filter((fact) => fact !== "")].join(
    "  ",
  );
  return step.error === null ? oneLine(line) : `${oneLine(line)}\n    ${oneLine(step.error.message)}`;
}

/** Remembers what was said, so that an event that comes twice, or as a step and in the log, is one line. */
class Said {
  readonly #texts = new Set<string>();

  isNewStep(step: Step): boolean {
    if (step.error !== null) this.#texts.add(step.error.message);
    return this.#isNew(`${step.name} ${step.attempt} ${step.state}`);
  }

  isNewMessage(message: string): boolean {
    return this.#isNew(message);
  }

  #isNew(text: string): boolean {
    if (this.#texts.has(text)) return false;
    this.#texts.add(text);
    return true;
  }
}

/** The lasting line of an event, if it has one. */
function lineOf(event: RunEvent, said: Said): string | undefined {
  if (event.type === "step" && hasEnded(event.step)) {
    return isUnremarkable(event.step) || !said.isNewStep(event.step) ? undefined : formatStep(event.step);
  }
  if (event.type === "log" && event.line.level === "warn" && said.isNewMessage(event.line.message)) {
    return `! ${oneLine(event.line.message)}`;
  }
  if (event.type === "run" && event.run.state === "queued" && event.run.reason !== null) {
    return oneLine(event.run.reason);
  }
  return undefined;
}

class LineDisplay implements RunDisplay {
  readonly #terminal: Terminal;
  readonly #said = new Said();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(event: RunEvent): void {
    const line = lineOf(event, this.#said);
    if (line !== undefined) this.#terminal.note(line);
  }

  note(text: string): void {
    this.#terminal.note(text);
  }

  [Symbol.dispose](): void {}
}

const FRAME_MS = 100;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
/** A run with hundreds of steps at work must not scroll the terminal. */
const MAX_LIVE_LINES = 8;

interface ActiveStep {
  readonly startedMs: number;
  readonly rows: number;
  readonly sizeBytes: number | null;
  readonly progress?: StepProgress | undefined;
  /** Of one that asks an API. */
  readonly traffic?: Traffic | undefined;
}

/** Ended steps are lasting lines; those at work stand below and are drawn again ten times a second. */
class LiveDisplay implements RunDisplay {
  readonly #terminal: Terminal;
  readonly #said = new Said();
  readonly #active = new Map<string, ActiveStep>();
  readonly #timer: ReturnType<typeof setInterval>;
  #drawnLines = 0;
  #frame = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
  }

  show(event: RunEvent): void {
    if (event.type === "step") this.#track(event.step);
    if (event.type === "progress") {
      const startedMs = this.#active.get(event.step)?.startedMs ?? Date.now();
      const { rows, size_bytes: sizeBytes, traffic } = event;
      this.#active.set(event.step, { startedMs, rows, sizeBytes, progress: event, traffic });
    }
    if (event.type === "run" && event.run.state !== "running") this.#active.clear();
    const line = lineOf(event, this.#said);
    if (line !== undefined) this.note(line);
  }

  note(text: string): void {
    this.#erase();
    this.#terminal.note(text);
    this.#draw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #track(step: Step): void {
    if (step.state === "running") {
      if (!this.#active.has(step.name)) {
        const { progress } = step;
        const { rows = 0, size_bytes: sizeBytes = null } = progress ?? {};
        this.#active.set(step.name, { startedMs: Date.now(), rows, sizeBytes, progress });
      }
    } else {
      this.#active.delete(step.name);
    }
  }

  #draw(): void {
    const frame = FRAMES[this.#frame++ % FRAMES.length] ?? "";
    const nowMs = Date.now();
    const lines = [...this.#active].slice(0, MAX_LIVE_LINES).map(
      ([name, { startedMs, rows, sizeBytes, progress, traffic }]) => {
        const facts = [
          rows === 0 ? "" : formatPlural(rows, "row"),
          sizeBytes === null ? "" : formatBytes(sizeBytes),
          traffic === undefined ? "" : trafficText(traffic),
          formatDuration(nowMs - startedMs),
          progress === undefined ? "" : shortProgressText(progress, nowMs),
        ];
        const text = [`${frame} ${oneLine(name).padEnd(36)}`, ...facts.filter((fact) => fact !== "")].join(
          "  ",
        );
        return truncate(text, this.#terminal.columns() - 1);
      },
    );
    if (lines.length === 0 && this.#drawnLines === 0) return;
    this.#erase();
    if (lines.length > 0) this.#terminal.draw(`${lines.join("\n")}\n`);
    this.#drawnLines = lines.length;
  }

  #erase(): void {
    // Up to the first drawn line, then clear to the end of the screen.
    if (this.#drawnLines > 0) this.#terminal.draw(`\x1b[${this.#drawnLines}A\x1b[J`);
    this.#drawnLines = 0;
  }
}
