import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { script } from "../../connectors/script/connector.ts";
import { streamSchema } from "../../connectors/script/options.ts";
import { scriptSource } from "../../connectors/script/source.ts";
import type { SandboxProgram } from "../../contract/connector/connector.ts";
import { toAppError } from "../../contract/errors.ts";
import { ScriptSandboxes } from "../../engine/runs/attempt/script_sandboxes.ts";
import { connectorContext, never } from "./connections.ts";

/** What a script came to: its rows, how often each message came, and the error that it ended with. */
export interface Ended {
  readonly rows: Record<string, unknown>[];
  readonly error: string | undefined;
  readonly logs: string[];
}

const PYTHON_RUNNER = fileURLToPath(new URL("../../connectors/script/python/runner.py", import.meta.url));
const RUNNER = fileURLToPath(new URL("../../connectors/script/runner/main.ts", import.meta.url));

const sandboxes = () => new ScriptSandboxes(Deno.execPath(), RUNNER, PYTHON_RUNNER);

/** The sandbox of this machine, with the runner of the checkout. */
export const findSandbox = (): Promise<SandboxProgram> => sandboxes().find();

/** That of scripts in Python, with the interpreter of the machine. */
export const findPython = (interpreter = "/usr/bin/python3"): Promise<SandboxProgram> =>
  sandboxes().findPython(interpreter);

/** Runs a module in a sandbox as a stream does, without an engine around it. */
export async function runScript(
  sandbox: SandboxProgram,
  code: string,
  { onPid = () => {}, onLog = () => {}, signal = never(), ...keys }: {
    readonly onLog?: (message: string) => void;
    readonly onPid?: (pid: number) => void | Promise<void>;
    readonly signal?: AbortSignal;
  } & Record<string, unknown> = {},
): Promise<Ended> {
  const address = v.parse(streamSchema, {
    script: sandbox.language === "python" ? "scripts/x.py" : "scripts/x.js",
    timeout: "20s",
    ...keys,
  });
  const context = connectorContext("/nowhere", {
    name: script.name,
    sandbox,
    python: sandbox,
    script: () => code,
    memoryOf: async (pid) => {
      await onPid(pid);
      const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
      const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
      return kib === undefined ? null : Number(kib) * 1024;
    },
  });
  const rows: Record<string, unknown>[] = [];
  const logs: string[] = [];
  try {
    for await (const message of scriptSource(context).read({ streams: [{ name: "s", address }] }, signal)) {
      if (message.type === "rows") { for (const row of message.batch) rows.push(row?.toJSON() ?? {}); }
      if (message.type === "log") {
        logs.push(message.message);
        onLog(message.message);
      }
    }
    return { rows, logs, error: undefined };
  } catch (error) {
    return { rows, logs, error: toAppError(error).message };
  }
}
