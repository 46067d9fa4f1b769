import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { ReadMessage, ReadRequest, Source, StreamRequest } from "../../contract/connector/source.ts";
import { AppError, NO_COLUMNS } from "../../contract/errors.ts";
import { onlyStream } from "../one_stream.ts";
import type { ScriptStream } from "./options.ts";
import { FrameFault, RowsDecoder } from "./sandbox/decode_rows.ts";
import { ORDER, type Order, REPORT } from "./sandbox/frames.ts";
import { LogReports } from "./sandbox/log_reports.ts";
import { parseReport, scriptError } from "./sandbox/reports.ts";
import { ScriptRequests } from "./sandbox/script_requests.ts";
import { Sandbox } from "./sandbox/sandbox.ts";

/** The rows that a script makes. What columns they have shows only when it runs. */
export const scriptSource = (context: ConnectorContext): Source<ScriptStream> => ({
  pushdown: { columns: false, where: false },
  describe: ({ name }) =>
    Promise.reject(
      new AppError("invalid", `What columns the stream "${name}" has shows when its script runs`, {
        reason: NO_COLUMNS,
      }),
    ),
  // A check runs no script.
  scan: ({ isSample }) =>
    Promise.resolve(
      isSample !== true ? undefined : {
        relation: "(SELECT NULL AS nothing WHERE false)",
        hasNoColumns: true,
        files: [],
        sizeBytes: 0,
        explain: (error) => Promise.resolve(new AppError("internal", String(error))),
        verify: () => Promise.resolve(),
      },
    ),
  read: (request, signal) => readScript(context, request, signal),
});

async function* readScript(
  context: ConnectorContext,
  { streams }: ReadRequest<ScriptStream>,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage> {
  const request = onlyStream(streams);
  const { name: stream, address: { script: path, limits } } = request;
  const { sandbox: program, memoryOf } = context;
  if (program === undefined) {
    throw new AppError("forbidden", `Cannot run ${path}: this process may run no script`);
  }
  const code = context.script(path);
  await using sandbox = Sandbox.start({ program, limits, path, memoryOf, signal });
  await sandbox.send(ORDER.start, encode(await orderOf(context, request, sandbox.key)));
  await sandbox.send(ORDER.module, new TextEncoder().encode(code));
  using requests = new ScriptRequests(
    context,
    request.address.hosts,
    (kind, payload) => sandbox.send(kind, payload),
  );
  const decoder = new RowsDecoder();
  const logs = new LogReports();
  let rows = 0;
  let hasBatch = false;
  for (;;) {
    const { kind, payload } = await sandbox.next();
    try {
      switch (kind) {
        case REPORT.rows: {
          const batch = decoder.decode(payload);
          rows += batch.numRows;
          hasBatch = true;
          yield { type: "rows", stream, batch };
          break;
        }
        case REPORT.state:
          yield { type: "state", stream, state: parseReport("state", payload) };
          break;
        case REPORT.log:
          yield* logs.take(parseReport("log", payload));
          break;
        case REPORT.failure:
          throw scriptError(path, parseReport("failure", payload));
        case REPORT.end: {
          if (parseReport("end", payload).rows !== rows) throw new FrameFault("fewer rows than it said");
          if (!hasBatch) yield { type: "nothing", stream };
          return;
        }
        default:
          if (!requests.take(kind, payload)) throw new FrameFault("a frame of an unknown kind");
      }
    } catch (error) {
      throw error instanceof FrameFault ? sandbox.garbled(error) : error;
    }
  }
}

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function orderOf(
  { secret }: ConnectorContext,
  { address, run, state, cursor }: StreamRequest<ScriptStream>,
  key: string,
): Promise<Order> {
  const secrets = await Promise.all(address.secrets.map(async (name) => [name, await secret(name)] as const));
  return {
    key,
    path: address.script,
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
