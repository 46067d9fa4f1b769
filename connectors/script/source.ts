import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { InputBatch, ReadMessage, ReadRequest, Source } from "../../contract/connector/source.ts";
import { AppError, NO_COLUMNS } from "../../contract/errors.ts";
import { addTraffic, NO_TRAFFIC } from "../../contract/streams/traffic.ts";
import { onlyStream } from "../one_stream.ts";
import { declaredTypes } from "./declared_types.ts";
import type { ScriptStream } from "./options.ts";
import { decodeArrow } from "./sandbox/decode_arrow.ts";
import { RowsDecoder } from "./sandbox/decode_rows.ts";
import { FrameFault } from "./sandbox/frame_fault.ts";
import { ORDER, REPORT } from "./sandbox/frames.ts";
import { LogReports } from "./sandbox/log_reports.ts";
import { parseReport, scriptError } from "./sandbox/reports.ts";
import { rowTexts } from "./sandbox/row_texts.ts";
import { ScriptRequests } from "./sandbox/script_requests.ts";
import { orderOf, startScript } from "./start.ts";
import { TypedRows } from "./typed_rows.ts";

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

/** A frame with the rows, or that there are none any more. */
const orderOfInput = ({ done, value }: IteratorResult<InputBatch, void>): [number, Uint8Array] =>
  done === true ? [ORDER.lastBatch, new Uint8Array()] : [ORDER.batch, rowTexts([value.batch], value.stream)];

async function* readScript(
  context: ConnectorContext,
  { streams }: ReadRequest<ScriptStream>,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage> {
  const request = onlyStream(streams);
  const { name: stream, address: { script: path, inputs, batchRows } } = request;
  const { run, state, cursor } = request;
  const hasInput = inputs.length > 0;
  const typed = new TypedRows(path, await declaredTypes(request));
  const order = await orderOf(context, request.address, "source", { run, state, cursor, hasInput });
  await using input = request.inputRows?.(batchRows);
  await using sandbox = await startScript(context, request.address, order, signal);
  let rows = 0;
  let traffic = NO_TRAFFIC;
  using requests = new ScriptRequests(context, {
    ...request.address,
    onTraffic: (more) => request.onTraffic?.(traffic = addTraffic(traffic, more), rows),
    send: (kind, payload) => sandbox.send(kind, payload),
  });
  const decoder = new RowsDecoder();
  const logs = new LogReports();
  let hasBatch = false;
  for (;;) {
    const { kind, payload } = await sandbox.next();
    try {
      switch (kind) {
        case REPORT.rows:
        case REPORT.arrow: {
          const given = kind === REPORT.rows ? decoder.decode(payload) : decodeArrow(payload);
          const batch = typed.take(given);
          rows += batch.numRows;
          hasBatch = true;
          yield { type: "rows", stream, batch };
          break;
        }
        case REPORT.state:
          yield { type: "state", stream, state: parseReport("state", payload) };
          break;
        case REPORT.more:
          if (!hasInput) throw new FrameFault("a wish for rows of no stream");
          if (input === undefined) {
            throw new AppError("invalid", `${path}: ctx.input has rows in a run of its pipeline only`);
          }
          await sandbox.send(...orderOfInput(await input.next()));
          break;
        case REPORT.log:
          yield* logs.take(parseReport("log", payload));
          break;
        case REPORT.failure:
          throw scriptError(path, parseReport("failure", payload));
        case REPORT.end: {
          if (parseReport("end", payload).rows !== rows) throw new FrameFault("fewer rows than it said");
          if (!hasBatch) yield { type: "nothing", stream, ...typed.known };
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
