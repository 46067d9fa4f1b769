/**
 * Signals to a process and all that it has started. `Deno.kill` wants the permission to run any program, which a run's
 * process does not have: the system's own function is asked.
 */

const SIGNALS = { SIGTERM: 15, SIGKILL: 9 } as const;
const LIBRARIES: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "libc.so.6",
  darwin: "libSystem.B.dylib",
};

/** `leader` is the process that was started as the first of a group of its own. Does nothing where there is none left. */
export function signalGroup(leader: number, signal: keyof typeof SIGNALS): void {
  const name = LIBRARIES[Deno.build.os];
  if (name === undefined) return;
  const library = Deno.dlopen(name, { kill: { parameters: ["i32", "i32"], result: "i32" } });
  library.symbols.kill(-leader, SIGNALS[signal]);
  library.close();
}
