import type { CommandRun } from "../../command.ts";

/** `sluice deno …`: the deno inside the file, with the caller's terminal, environment and folder. */
export const deno: CommandRun = async (invocation, { program, cwd, onInterrupt }) => {
  const child = new Deno.Command(program.deno, {
    args: [...invocation.arguments],
    cwd,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  // Ctrl-C reaches the child by the terminal; a signal to this process alone is handed on.
  using _interrupts = onInterrupt((signal) => {
    if (signal === "SIGTERM") child.kill(signal);
  });
  return (await child.status).code;
};
