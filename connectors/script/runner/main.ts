import { ORDER, type Order, REPORT, type ScriptFailure } from "../sandbox/frames.ts";
import { Batches } from "./batches.ts";
import { RowError } from "./cell.ts";
import { CallFailure, Calls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { createContext } from "./context.ts";
import { Input } from "./input.ts";
import { Output } from "./output.ts";
import { FetchError, Requests } from "./requests.ts";
import { Signing } from "./signing.ts";

/**
 * The program inside a sandbox: takes an order and a module, calls the module's function, and gives its rows back. It has
 * no permission of deno's; what the module can do to this program it does to its own rows.
 */

/** How it ends where it gets no order, see engine/runs/attempt/script_sandboxes.ts. */
const NO_ORDER_EXIT = 64;

type Context = ReturnType<typeof createContext>;

const { exit, stdin, stdout } = Deno;
const channel = new Channel({
  read: stdin.read.bind(stdin),
  write: stdout.write.bind(stdout),
});

async function main(): Promise<void> {
  const start = await channel.next();
  const module = await channel.next();
  if (start?.kind !== ORDER.start || module?.kind !== ORDER.module) return exit(NO_ORDER_EXIT);
  const order: Order = JSON.parse(new TextDecoder().decode(start.payload));
  channel.key = order.key;
  const stop = new AbortController();
  const requests = new Requests(channel);
  const batches = new Batches(channel);
  const input = new Input(channel, order.hasInput);
  const signing = new Signing(channel);
  let calls: Calls | undefined;
  const call = (payload: Uint8Array) => {
    try {
      calls?.take(payload);
    } catch (error) {
      void fail(error);
    }
  };
  void listen(stop, { requests, batches: order.use === "source" ? input : batches, signing, call });
  const output = new Output(channel);
  const context = createContext(order, channel, input, output, requests, stop.signal);
  closeOff(context.log);
  // Packages ask for this one.
  globalThis.fetch = order.use === "function" ? noNetwork : requests.fetch;
  const code = new Blob([new Uint8Array(module.payload)], { type: "text/javascript" });
  const url = URL.createObjectURL(code);
  const fail = async (error: unknown) => {
    try {
      channel.send(REPORT.failure, failureOf(error, url));
      await channel.flush();
    } finally {
      exit(1);
    }
  };
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    void fail(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    void fail(event.error);
  });
  try {
    const loaded: unknown = await import(url);
    if (order.function !== undefined) {
      // The process goes on with what it is sent.
      calls = new Calls(channel, order.function, defaultExport(loaded));
      return;
    }
    if (order.use === "signer") {
      // Until nobody wants a signature any more.
      return signing.begin(loaded, context, (error) => failureOf(error, url));
    } else if (order.use === "destination") {
      await takeRows(loaded, context, batches);
      channel.send(REPORT.end, { rows: batches.rows });
      await channel.flush();
    } else {
      await giveRows(loaded, context, output);
      await output.end();
    }
    exit(0);
  } catch (error) {
    await fail(error);
  }
}

/** Ends with the run's process. */
async function listen(
  stop: AbortController,
  { requests, batches, signing, call }: {
    readonly requests: Requests;
    readonly batches: Pick<Batches, "take">;
    readonly signing: Signing;
    readonly call: (payload: Uint8Array) => void;
  },
): Promise<void> {
  for (let frame = await channel.next(); frame !== undefined; frame = await channel.next()) {
    const { kind, payload } = frame;
    if (kind === ORDER.stop) stop.abort(new DOMException("The run was stopped", "AbortError"));
    else if (kind === ORDER.batch) batches.take(payload);
    else if (kind === ORDER.lastBatch) batches.take(null);
    else if (kind === ORDER.sign) void signing.take(payload);
    else if (kind === ORDER.calls) call(payload);
    else requests.take(kind, payload);
  }
  exit(1);
}

/** What a script prints is a line of its log, and the pipes are the program's own. */
function closeOff({ info, warn }: Context["log"]): void {
  Object.assign(console, {
    log: info,
    info,
    debug: info,
    trace: info,
    dir: info,
    table: info,
    warn,
    error: warn,
  });
  for (const name of ["stdin", "stdout", "stderr"]) {
    Reflect.defineProperty(Deno, name, { value: undefined, configurable: false, writable: false });
  }
}

async function giveRows(
  loaded: unknown,
  context: Context,
  output: Output,
): Promise<void> {
  const make = defaultExport(loaded);
  if (typeof make !== "function") {
    throw new RowError(
      "it has no function to call: a source is `export default async function* (ctx) { yield rows }`",
    );
  }
  const given: unknown = await make(context);
  if (isAsyncIterable(given)) { for await (const rows of given) await output.take(rows); }
  else if (Array.isArray(given)) await output.take(given);
  else if (isIterable(given)) { for (const rows of given) await output.take(rows); }
  else throw new RowError("its function gives no rows: it is to be a generator, or to return rows");
}

const noNetwork = () => Promise.reject(new TypeError("a function of SQL has no network"));

const defaultExport = (loaded: unknown): unknown =>
  typeof loaded === "object" && loaded !== null && "default" in loaded ? loaded.default : undefined;

async function takeRows(
  loaded: unknown,
  { state: _state, cursor: _cursor, input: _input, columns: _columns, checkpoint: _checkpoint, ...context }:
    Context,
  batches: Batches,
): Promise<void> {
  const write = typeof loaded === "object" && loaded !== null && "write" in loaded ? loaded.write : undefined;
  if (typeof write !== "function") {
    throw new RowError(
      "it has no function to call: a destination is `export async function write(batches, ctx) { for await (const rows of batches) … }`",
    );
  }
  await write(batches, Object.freeze(context));
  batches.end();
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;
const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.iterator in value;

function failureOf(error: unknown, url: string): ScriptFailure {
  if (error instanceof CallFailure) return { ...failureOf(error.cause, url), call: error.call };
  if (error instanceof Error) {
    const { name, message, stack = "" } = error;
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return {
      name: String(name).slice(0, 200),
      message: `${message}${cause}`.slice(0, 4_000),
      stack: String(stack).slice(0, 4_000),
      url,
      isAboutRows: error instanceof RowError,
      code: error instanceof FetchError
        ? error.code
        : error.cause instanceof FetchError
        ? error.cause.code
        : null,
    };
  }
  const shown = typeof error === "object" ? JSON.stringify(error) : String(error);
  return {
    name: "thrown",
    message: String(shown).slice(0, 4_000),
    stack: "",
    url,
    isAboutRows: false,
    code: null,
  };
}

await main();
