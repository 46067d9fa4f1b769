import type { LogLine } from "../../../contract/run.ts";
import type { Engine } from "../../../engine/control/engine.ts";
import type { CommandRun } from "../command.ts";
import { connect } from "../connect.ts";
import { readFolders } from "../settings.ts";
import type { Terminal } from "../terminal.ts";
import { oneLine } from "../text.ts";

const PAGE_LINES = 10_000;

/** `sluice logs RUN`: its lines so far, and with --follow those to come until it has ended. */
export const logs: CommandRun = async (invocation, context) => {
  const [idOrPart = ""] = invocation.arguments;
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(() => stopping.abort());
  const signal = AbortSignal.any([stopping.signal, context.terminal.closed]);
  const format = invocation.flag("json") ? JSON.stringify : formatLine;
  // Before the first page: a run that does not exist is an error, one without lines is not.
  const { id } = await connection.engine.getRun(idOrPart);
  const afterSeq = await printLines(connection.engine, id, context.terminal, format);
  if (!invocation.flag("follow")) return 0;
  try {
    for await (const event of connection.engine.watchRun(id, afterSeq, signal)) {
      if (event.type === "log") context.terminal.out(format(event.line));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return 0;
};

async function printLines(
  engine: Engine,
  id: string,
  terminal: Terminal,
  format: (line: LogLine) => string,
): Promise<number> {
  let afterSeq = 0;
  for (;;) {
    const lines = await engine.getRunLogs(id, { afterSeq, limit: PAGE_LINES });
    if (lines.length > 0) terminal.out(lines.map(format).join("\n"));
    afterSeq = lines.at(-1)?.seq ?? afterSeq;
    if (lines.length < PAGE_LINES || terminal.closed.aborted) return afterSeq;
  }
}

/** Lines of a first attempt need no number. */
function formatLine(line: LogLine): string {
  const step = line.step === null ? "" : ` ${line.step}:`;
  const attempt = (line.attempt ?? 1) > 1 ? ` #${line.attempt}` : "";
  return `${line.at} ${line.level.padEnd(5)}${attempt}${oneLine(step)} ${oneLine(line.message)}`;
}
