import { AppError, toAppError } from "../../../../contract/errors.ts";
import type { UnitTest } from "../../../../contract/testing/unit_test.ts";
import { isSameName } from "../../../../contract/sql.ts";
import type { LiveState } from "../../../../engine/definitions/live/live_checker.ts";
import type { LiveChanges } from "../../../../engine/definitions/live/live_changes.ts";
import type { CommandRun } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { requireProject } from "../../connect.ts";
import { previewNow, reaches, readPreviewed } from "../../dev/dev_preview.ts";
import { jsonOutput, textOutput } from "../../dev/dev_output.ts";
import { readDevKeys } from "../../dev/dev_keys.ts";
import { knownColumnsIn } from "../../dev/known_columns.ts";
import { readFolders } from "../../settings.ts";

/** How long files must have been still: an editor may write a file in several steps, and git many files. */
const DEBOUNCE_MS = 60;
const INTERRUPTED = 130;

/** `sluice dev`: checks the project whenever a file is saved, and says what that changed. Ends by Ctrl-C. */
export const dev: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  const { projectDir } = folders;
  const { terminal, backend } = context;
  await requireProject(folders, context);
  const previewed = readPreviewed(invocation.text("preview"));
  const stopping = new AbortController();
  const { signal } = stopping;
  using _interrupts = context.onInterrupt(() => {
    // The second one does not wait for a check to end.
    if (signal.aborted) context.exit(INTERRUPTED);
    stopping.abort(new AppError("cancelled", "Stopped"));
  }, { withHangup: true });
  terminal.closed.addEventListener("abort", () => stopping.abort(), { once: true });
  const [{ lookAtProject, watchProject }, { changesBetween }] = await Promise.all([
    import("../../../../engine/definitions/watch.ts"),
    import("../../../../engine/definitions/live/live_changes.ts"),
  ]);
  const output = invocation.flag("json") ? jsonOutput(terminal) : textOutput(terminal);
  const log = createCommandLog(terminal);
  const test = async (isMeant?: (pipeline: string, test: UnitTest) => boolean) => {
    if (!invocation.flag("test") || signal.aborted) return;
    output.tested(await backend.testProject(folders, isMeant === undefined ? {} : { isMeant }, log, signal));
  };

  /** Whether its rows have to be shown, whatever the next change is. */
  let isDue = previewed !== undefined;
  const preview = async (state: LiveState) => {
    if (previewed === undefined || !isDue || signal.aborted) return;
    const found = await previewNow(previewed, state, folders, context, signal);
    if (found === undefined) return;
    isDue = false;
    output.previewed(found);
  };

  const since = await lookAtProject(projectDir, { withTests: true });
  const startedMs = performance.now();
  await using live = await backend.openLive({
    ...folders,
    knownColumns: knownColumnsIn(folders, context, invocation.command),
    log,
  });
  const { checker } = live;
  let before = checker.state;
  output.begin(before, performance.now() - startedMs);
  await attempt(() => test());
  await attempt(() => preview(before));
  /** Changes are told one after the other, of files as of what was asked for. */
  let telling: Promise<void> = Promise.resolve();
  const tell = (files: readonly string[], check: () => Promise<LiveState>): Promise<void> =>
    telling = telling.then(() =>
      attempt(async () => {
        const startedMs = performance.now();
        const state = await check();
        if (signal.aborted) return;
        const changes = changesBetween(before, state);
        before = state;
        output.changed({ files, changes, state, durationMs: performance.now() - startedMs });
        await test(testsOf(changes, files));
        isDue ||= previewed !== undefined && reaches(changes, previewed);
        await preview(state);
      })
    );
  const keys = readDevKeys((key) => {
    if (key === "quit") stopping.abort(new AppError("cancelled", "Stopped"));
    else void tell([], () => checker.refreshSources());
  }, signal);
  for await (
    const files of watchProject(projectDir, { signal, debounceMs: DEBOUNCE_MS, since, withTests: true })
  ) {
    await tell(files, () => checker.update({ changed: files }));
  }
  await Promise.all([telling, keys]);
  return 0;

  /** What goes wrong once may be right after the next change. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) output.failed(toAppError(error).message);
    }
  }
};

/** Tests of models that are others now or read one of these, and those of files that have changed. */
function testsOf(
  { tables, affected }: LiveChanges,
  files: readonly string[],
): (pipeline: string, test: UnitTest) => boolean {
  // What rows a CSV of tests is given to is in their YAML.
  const isAny = files.some((file) => file.startsWith("tests/") && file.endsWith(".csv"));
  return (pipeline, { model, place }) =>
    isAny || files.includes(place.file) ||
    tables.some((table) => table.pipeline === pipeline && isSameName(table.table, model)) ||
    affected.some((step) => step.pipeline === pipeline && isSameName(step.step, `model:${model}`));
}
