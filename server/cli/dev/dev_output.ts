import type { ModelPreview } from "../../../contract/queries/preview.ts";
import type { LiveChanges } from "../../../engine/definitions/live/live_changes.ts";
import type { LiveState } from "../../../engine/definitions/live/live_checker.ts";
import type { TestReport } from "../../../engine/definitions/testing/test_project.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { formatPlural } from "../../../text/format.ts";
import { previewNote } from "../commands/queries/preview_model.ts";
import { outcomeLines, tallyText } from "../commands/testing/outcome_text.ts";
import { formatRows } from "../rows/row_formats.ts";
import { oneLine, printable } from "../text.ts";
import type { Terminal } from "../terminal.ts";
import { keysNote } from "./dev_keys.ts";
import { changeLines, countsText, faultLines } from "./dev_text.ts";

/** Where `sluice dev` says what it has found. */
export interface DevOutput {
  /** What there is at first. */
  begin(state: LiveState, durationMs: number): void;
  changed(change: DevChange): void;
  tested(report: TestReport): void;
  previewed(preview: ModelPreview): void;
  /** The project could not be checked: it goes on with the next change. */
  failed(message: string): void;
}

export interface DevChange {
  /** In the project; none where the sources were asked again. */
  readonly files: readonly string[];
  readonly changes: LiveChanges;
  readonly state: LiveState;
  readonly durationMs: number;
}

const MOST_FILES = 5;

const allFaults = ({ faults }: LiveState): readonly Fault[] => [...faults.values()].flat();

/** Lines for a person. */
export function textOutput(terminal: Terminal, now: () => Date = () => new Date()): DevOutput {
  const time = () => now().toTimeString().slice(0, "hh:mm:ss".length);
  const seconds = (durationMs: number) => `${(durationMs / 1_000).toFixed(2)} s`;
  return {
    begin(state, durationMs) {
      for (const line of faultLines(allFaults(state))) terminal.out(line);
      const models = [...state.pipelines.values()].reduce(
        (sum, { modelColumns }) => sum + Object.keys(modelColumns).length,
        0,
      );
      const found = countsText(allFaults(state));
      terminal.out(
        `${time()} ${formatPlural(state.pipelines.size, "pipeline")}, ${formatPlural(models, "model")}: ` +
          `${found} (${seconds(durationMs)})`,
      );
      terminal.note(keysNote(terminal));
    },
    changed({ files, changes, state, durationMs }) {
      const more = files.length > MOST_FILES ? ` and ${files.length - MOST_FILES} more` : "";
      terminal.out("");
      const what = files.length === 0
        ? "The sources were asked again"
        : files.slice(0, MOST_FILES).join(", ");
      terminal.out(`${time()} ${oneLine(what)}${more}`);
      for (const line of changeLines(changes)) terminal.out(line);
      terminal.out(`${countsText(allFaults(state))} (${seconds(durationMs)})`);
    },
    tested({ tests, faults }) {
      for (const fault of faults) terminal.out(printable(formatFault(fault)));
      for (const line of outcomeLines(tests, terminal.tableColumns())) terminal.out(line);
      if (tests.length > 0) terminal.out(tallyText(tests));
    },
    previewed(preview) {
      terminal.out(oneLine(`${preview.pipeline}.${preview.model}`));
      terminal.out(formatRows("table", preview, terminal));
      terminal.out(previewNote(preview));
    },
    failed(message) {
      terminal.out(`${time()} ${oneLine(message)}`);
    },
  };
}

/** One JSON object a line. */
export function jsonOutput(terminal: Terminal, now: () => Date = () => new Date()): DevOutput {
  const send = (type: string, rest: Readonly<Record<string, unknown>>) =>
    terminal.out(JSON.stringify({ type, at: now().toISOString(), ...rest }));
  const counts = (state: LiveState) => {
    const all = allFaults(state);
    const errors = all.filter(({ severity }) => severity === "error").length;
    return { errors, warnings: all.length - errors };
  };
  return {
    begin: (state, durationMs) =>
      send("checked", {
        pipelines: [...state.pipelines.keys()],
        faults: allFaults(state),
        ...counts(state),
        duration_ms: Math.round(durationMs),
      }),
    changed: ({ files, changes, state, durationMs }) =>
      send("changed", { files, ...changes, ...counts(state), duration_ms: Math.round(durationMs) }),
    tested: ({ tests, faults }) => send("tested", { tests, faults }),
    previewed: (preview) => send("previewed", { ...preview }),
    failed: (message) => send("failed", { message }),
  };
}
