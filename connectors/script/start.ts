import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { RunFacts } from "../../contract/connector/source.ts";
import type { JsonValue } from "../../contract/json.ts";
import { AppError } from "../../contract/errors.ts";
import { isPython } from "../../contract/pipeline/scripts.ts";
import type { ScriptUse } from "./options.ts";
import { ORDER, type Order } from "./sandbox/frames.ts";
import { Sandbox, type SandboxLimits } from "./sandbox/sandbox.ts";

/** What a script is told of the run, and of where it got to. */
interface Told {
  readonly run?: RunFacts | undefined;
  readonly state?: JsonValue | undefined;
  readonly cursor?: { readonly column: string; readonly value: string } | undefined;
  readonly hasInput?: boolean;
}

/** The order without its key. Throws `forbidden` for a secret that is not declared, as ConnectorContext.secret does. */
export async function orderOf(
  { secret }: ConnectorContext,
  { script: path, secrets: names }: ScriptUse,
  use: Order["use"],
  { run, state, cursor, hasInput = false }: Told,
): Promise<Omit<Order, "key">> {
  const secrets = await Promise.all(names.map(async (name) => [name, await secret(name)] as const));
  return {
    path,
    use,
    hasInput,
    params: run?.params ?? {},
    window: {
      runId: run?.runId ?? "",
      pipeline: run?.pipeline ?? "",
      startMs: run?.windowStartMs ?? null,
      endMs: run?.windowEndMs ?? Date.now(),
    },
    secrets: Object.fromEntries(secrets),
    ...(state === undefined ? {} : { state }),
    cursor: cursor === undefined ? null : { column: cursor.column, value: cursor.value },
  };
}

/** A sandbox with its order and its module. Throws `forbidden` in a process that may run no script. */
export async function startScript(
  context: ConnectorContext,
  { script: path, limits }: Pick<ScriptUse, "script"> & { readonly limits: SandboxLimits },
  order: Omit<Order, "key">,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { memoryOf } = context;
  const program = isPython(path) ? context.python : context.sandbox;
  if (program === undefined) {
    const what = isPython(path) ? "no script in Python" : "no script";
    throw new AppError("forbidden", `Cannot run ${path}: this process may run ${what}`);
  }
  const code = context.script(path);
  const purpose = order.use === "signer" ? "signed the request" : "given all of its rows";
  const sandbox = Sandbox.start({ program, limits, path, purpose, memoryOf, signal });
  const { key } = sandbox;
  await sandbox.send(ORDER.start, new TextEncoder().encode(JSON.stringify({ ...order, key })));
  await sandbox.send(ORDER.module, new TextEncoder().encode(code));
  return sandbox;
}
