import { AppError, toAppError } from "../../contract/errors.ts";
import { formatFault } from "../../text/fault.ts";
import type { CliContext } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { formatCommandHelp, formatHelp } from "./help.ts";
import { parseCommandLine } from "./parse.ts";
import { oneLine, printable } from "./text.ts";

/** Runs one command line and returns the exit code; every error is a message on stderr. */
export async function runCommandLine(args: readonly string[], context: CliContext): Promise<number> {
  try {
    const name = context.program.command;
    const parsed = parseCommandLine(args, COMMANDS, context.env, name);
    if (parsed.kind === "help") {
      const { command } = parsed;
      const width = context.terminal.tableColumns();
      const text = command === undefined
        ? formatHelp(COMMANDS, name, width)
        : formatCommandHelp(command, name, width);
      // Asked for, help is the result; a bare `sluice` is a mistake.
      if (args.length > 0) context.terminal.out(text);
      else context.terminal.note(text);
      return args.length > 0 ? 0 : 2;
    }
    const run = await parsed.spec.load();
    return await run(parsed.invocation, context);
  } catch (error) {
    return reportError(error, context);
  }
}

/**
 * The message, the faults with their places, and for a bug of ours the stack. Only a run that failed gives 1.
 */
function reportError(error: unknown, { terminal }: CliContext): number {
  const known = toAppError(error);
  for (const fault of known.faults) terminal.note(printable(formatFault(fault)));
  terminal.note(`error: ${oneLine(known.message)}`);
  if (known.detail !== undefined) terminal.note(printable(known.detail));
  if (!(error instanceof AppError) && known.code === "internal" && error instanceof Error) {
    terminal.note(printable(error.stack ?? ""));
  }
  return 2;
}
