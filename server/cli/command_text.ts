import type { CliContext, Invocation } from "./command.ts";

/** Options that say which project it is and what it may: an advised command needs those that this one was given. */
const FOLDER_OPTIONS = ["project", "data", "policy"] as const;

/**
 * A command as it can be typed here: as the program itself was called, and with the folders that were
 * named on this command line. `words` as `run PIPELINE`.
 */
export function commandText(
  words: string,
  { program }: Pick<CliContext, "program">,
  invocation?: Pick<Invocation, "list">,
): string {
  const folders = FOLDER_OPTIONS.flatMap((option) => {
    const [value] = invocation?.list(option) ?? [];
    return value === undefined ? [] : [`--${option} ${shellWord(value)}`];
  });
  return [program.command, words, ...folders].join(" ");
}

/** The text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
