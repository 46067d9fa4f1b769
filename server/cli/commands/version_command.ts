import type { CommandRun } from "../command.ts";

/** `sluice version`: one line, or an object with what the program stands on. */
export const version: CommandRun = (invocation, { program, terminal }) => {
  const { os, arch } = Deno.build;
  if (invocation.flag("json")) {
    terminal.out(JSON.stringify({ version: program.version, deno: Deno.version.deno, os, arch }));
  } else {
    terminal.out(`sluice ${program.version} (deno ${Deno.version.deno}, ${os} ${arch})`);
  }
  return Promise.resolve(0);
};
