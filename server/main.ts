import { join } from "node:path";
import { runCommandLine } from "./cli/cli.ts";
import type { CliContext, Interrupt } from "./cli/command.ts";
import { createSecretInput } from "./cli/secret_input.ts";
import { createTerminal } from "./cli/terminal.ts";
import type { Backend } from "./backend.ts";
import { env } from "./composition/environment.ts";
import { findProgram, type Program } from "./program.ts";

/**
 * Where the program begins. With the files of composition/ it is the one place that knows all the parts. What is heavy is
 * imported when it is first needed, so that a command starts as fast as it can.
 */

function createBackend(program: Program): Backend {
  const project = () => import("./composition/project.ts");
  return {
    async openEngine(options) {
      const { openEngine } = await import("./composition/open_engine.ts");
      return await openEngine(program, options);
    },
    checkProject: async (options) => await (await project()).checkProject(program, options),
    planProject: async (options) => await (await project()).planProject(program, options),
    testProject: async (...given) => await (await project()).testProject(program, ...given),
    describeProject: async (options) => await (await project()).describeProject(program, options),
    async *renderDocs(docs) {
      const { renderSite } = await import("../ui/docs/render_site.tsx");
      yield* renderSite(docs);
    },
    async openLive(options) {
      const { openLive } = await import("./composition/live.ts");
      return await openLive(program, options);
    },
    missingReferences: async (place) => await (await project()).missingReferences(program, place),
    checkReferences: async (place) => await (await project()).checkReferences(program, place),
    formatTexts: async (place, texts, log, signal) =>
      await (await project()).formatTexts(program, place, texts, log, signal),
    tryScript: async (place, request, log, signal) =>
      await (await project()).tryScript(program, place, request, log, signal),
    projectSchemas: async () => await (await project()).projectSchemas(),
    async listen(options) {
      const { listen } = await import("./composition/listen.ts");
      return await listen(program, options);
    },
  };
}

function createContext(): CliContext {
  const program = findProgram(import.meta.url, env);
  return {
    program,
    backend: createBackend(program),
    terminal: createTerminal(env),
    secretInput: createSecretInput(),
    cwd: workingFolder(program),
    env,
    exit: (code) => Deno.exit(code),
    onInterrupt(handler, { withHangup } = { withHangup: false }) {
      return onSignals(["SIGINT", "SIGTERM", ...(withHangup ? ["SIGHUP" as const] : [])], handler);
    },
    onHangup: (handler) => onSignals(["SIGHUP"], handler),
  };
}

function onSignals(signals: readonly Interrupt[], handler: (signal: Interrupt) => void): Disposable {
  const listeners = signals.map((signal) => [signal, () => handler(signal)] as const);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/** `deno task` goes to the checkout's folder and says in INIT_CWD where the person is. */
function workingFolder(program: Program): string {
  const initial = env("INIT_CWD");
  const isByTask = !program.isPacked && Deno.cwd() === join(import.meta.dirname ?? "", "..");
  return isByTask && initial ? initial : Deno.cwd();
}

// With it, certificates of mail servers and others would not be verified, and nothing would say so.
Deno.env.delete("NODE_TLS_REJECT_UNAUTHORIZED");

Deno.exit(await runCommandLine(Deno.args, createContext()));
