import { AppError } from "../../../contract/errors.ts";
import { loadName, type LoadVerification, type Verification } from "../../../contract/loads/verification.ts";
import type { Engine } from "../../../engine/control/engine.ts";
import { formatCount, MISSING } from "../../../text/format.ts";
import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import { type ColumnSpec, formatTable } from "../table.ts";
import { formatTime, oneLine, printable, withoutSeconds } from "../text.ts";

const POLL_MS = 200;

const COLUMNS: readonly ColumnSpec[] = [
  { title: "LOAD", minWidth: 20 },
  { title: "VERDICT" },
  { title: "EXPECTED", align: "right" },
  { title: "FOUND", align: "right" },
  { title: "HASH" },
  { title: "LOADED (UTC)", short: withoutSeconds, mayGo: true },
];

/** As a person reads it. */
const VERDICT_WORDS: Readonly<Record<LoadVerification["verdict"], string>> = {
  same: "same",
  differs: "differs",
  not_verifiable: "not verifiable",
  failed: "failed",
};

/**
 * `sluice verify PIPELINE [LOAD]`: reads the targets of loads back. Its exit code is 0 where something could be verified
 * and nothing differs.
 */
export const verify: CommandRun = async (invocation, context) => {
  const [pipeline = "", load] = invocation.arguments;
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "change",
  );
  const { engine } = connection;
  const { terminal } = context;
  const stop = new AbortController();
  using _interrupts = context.onInterrupt(() => stop.abort(), { withHangup: true });
  await engine.startVerification(pipeline, load ?? null, "cli");
  const verification = await follow(engine, pipeline, stop.signal);
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify(verification));
  } else {
    if (verification.loads.length > 0) {
      terminal.out(formatVerification(verification, terminal.tableColumns()));
    }
    if (verification.error !== null) terminal.note(printable(verification.error.message));
  }
  return verification.ok ? 0 : 1;
};

/** Waits until it has ended. */
async function follow(engine: Engine, pipeline: string, signal: AbortSignal): Promise<Verification> {
  for (;;) {
    const verification = await engine.getVerification(pipeline);
    if (verification.state !== "running") return verification;
    if (signal.aborted) return await stopped(engine, pipeline);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** It may have ended just before. */
async function stopped(engine: Engine, pipeline: string): Promise<Verification> {
  try {
    return await engine.stopVerification(pipeline, "cli");
  } catch (error) {
    if (error instanceof AppError && error.code === "conflict") return await engine.getVerification(pipeline);
    throw error;
  }
}

function formatVerification({ loads }: Verification, width: number | undefined): string {
  const rows = loads.map((found) => [
    loadName(found.load),
    VERDICT_WORDS[found.verdict],
    formatCount(found.expected_rows),
    formatCount(found.found_rows),
    hashWord(found),
    formatTime(found.receipt?.loaded_at ?? null),
  ]);
  const told = loads.flatMap(({ load, verdict, message, notes }) => {
    const texts = verdict === "same" ? notes : [message, ...notes];
    return texts.map((text) => `${loadName(load)}: ${oneLine(text)}`);
  });
  const table = formatTable(COLUMNS, rows, width);
  return told.length === 0 ? table : `${table}\n\n${told.join("\n")}`;
}

/** Whether the hashes are equal; nothing where there are not two. */
function hashWord({ expected_hash: expected, found_hash: found }: LoadVerification): string {
  if (expected === null || found === null) return MISSING;
  return expected === found ? "same" : "differs";
}
