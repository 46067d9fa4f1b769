import { AppError } from "../../../contract/errors.ts";
import { didYouMeanOneOf } from "../../../text/suggest.ts";
import type { CommandRun, CommandSpec } from "../command.ts";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { zshScript } from "../completion/zsh.ts";

const SCRIPTS: Readonly<Record<string, (commands: readonly CommandSpec[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** `sluice completion SHELL`: the script by which that shell completes `sluice` and these commands of it. */
export const completionOf = (commands: readonly CommandSpec[]): CommandRun => (invocation, { terminal }) => {
  const [shell = ""] = invocation.arguments;
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined) {
    throw new AppError(
      "invalid",
      `sluice completion: no script for "${shell}"${didYouMeanOneOf(shell, Object.keys(SCRIPTS))}`,
    );
  }
  terminal.out(script(commands));
  return Promise.resolve(0);
};
