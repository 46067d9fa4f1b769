import { Buffer } from "node:buffer";
import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type {
  ReadMessage,
  ReadRequest,
  Scan,
  Source,
  StreamRequest,
} from "../../contract/connector/source.ts";
import { AppError, NO_COLUMNS, toAppError } from "../../contract/errors.ts";
import { readArrow } from "../files/arrow/arrow_read.ts";
import { prepareWith, scanRecords } from "../files/record_scan.ts";
import { TableFiles } from "../files/table_files.ts";
import { DiskFile } from "../locations/disk/disk_file.ts";
import { Scratch } from "../locations/scratch.ts";
import { onlyStream } from "../one_stream.ts";
import { formatPlural } from "../../text/format.ts";
import { recordsOf, tableText } from "./body.ts";
import type { WebhookStream } from "./options.ts";
import { PostedBodies } from "./posted_bodies.ts";

type Request = StreamRequest<WebhookStream>;

const LINE_END = new Uint8Array([0x0a]);

/** The rows of bodies that were posted. What columns they have shows only when there are some. */
export const webhookSource = (context: ConnectorContext): Source<WebhookStream> => ({
  pushdown: { columns: false, where: false },
  describe: ({ name }) =>
    Promise.reject(
      new AppError("invalid", `What columns the stream "${name}" has shows when something was posted`, {
        reason: NO_COLUMNS,
      }),
    ),
  scan: (request, signal) => scanBodies(context, request, signal),
  read: (request, signal) => readBodies(context, request, signal),
});

/**
 * The records of all bodies in files that DuckDB reads; undefined where they are Arrow. Throws `invalid` for one that cannot be
 * understood.
 */
async function scanBodies(
  context: ConnectorContext,
  request: Request,
  signal: AbortSignal,
): Promise<Scan | undefined> {
  const { address: { webhook, options }, name } = request;
  const bodies = new PostedBodies(context, request);
  if (request.isSample === true) return nothing(request);
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(new Scratch(context.scratchDir));
  const tables = stack.use(new TableFiles(scratch, options));
  const records = await scratch.create(`${name}.ndjson`);
  await using _records = records;
  for await (const { seq, contentType, body } of bodies) {
    signal.throwIfAborted();
    if (bodies.kind === "arrow") return undefined;
    try {
      if (bodies.kind === "csv") {
        const text = tableText(contentType, body);
        // Other columns altogether are for the next read.
        if (!await tables.fits(text, signal)) break;
        await tables.add(text, new Map(), signal);
      } else {
        const lines = [...recordsOf(contentType, body)].flatMap((record) => [record, LINE_END]);
        await records.write(Buffer.concat(lines));
      }
    } catch (error) {
      signal.throwIfAborted();
      throw unreadable(request, seq, error);
    }
  }
  if (bodies.count === 0) return nothing(request);
  await tables.finish();
  const files = await Promise.all(
    (bodies.kind === "csv" ? tables.paths : [records.path]).map((path) => diskFile(path, webhook)),
  );
  const { scratchDir } = context;
  const scan = bodies.kind === "csv"
    ? await tables.scan(files, request, scratchDir, signal)
    : await scanRecords(files, options.columns, request, scratchDir, signal);
  const message = `${formatPlural(bodies.count, "body")} of the webhook ${webhook}, posts ${bodies.range}`;
  return {
    ...scan,
    files: [],
    state: bodies.state,
    // Rows of a key are told apart by when they came, not by their update_key.
    ...(request.updateKey === undefined ? {} : { repeats: true }),
    messages: [{ level: "info", message }],
    verify: () => Promise.resolve(),
    prepare: prepareWith(scan, stack.move()),
  };
}

async function* readBodies(
  context: ConnectorContext,
  { streams }: ReadRequest<WebhookStream>,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage> {
  const request = onlyStream(streams);
  const { name: stream, address: { webhook } } = request;
  const bodies = new PostedBodies(context, request);
  await using scratch = new Scratch(context.scratchDir);
  for await (const { seq, body } of bodies) {
    const file = await scratch.create(`${seq}.arrow`);
    await using _closing = file;
    await file.write(body);
    const source = { file: await diskFile(file.path, webhook), compression: "none" } as const;
    try {
      for await (const batch of readArrow([source], {}, signal)) yield { type: "rows", stream, batch };
    } catch (error) {
      signal.throwIfAborted();
      throw unreadable(request, seq, error);
    }
    // Bodies may have other columns than those before them: each is committed by itself.
    yield { type: "state", stream, state: { seq } };
  }
}

/** The place of a body that keeps all behind it from being read, and the way out. */
function unreadable({ name, address: { webhook } }: Request, seq: number, error: unknown): AppError {
  const { code, message, detail } = toAppError(error);
  return new AppError(
    code,
    `Cannot read "${name}": post ${seq} of the webhook "${webhook}": ${message}. Change the stream so that it can be ` +
      "read, or take the post out with sluice webhooks drop",
    { cause: error, ...(detail === undefined ? {} : { detail }) },
  );
}

/** Nobody has posted anything new, or nobody can tell the columns yet: the stream stays where it is. */
const nothing = ({ state }: Request): Scan => ({
  relation: "(SELECT NULL AS nothing WHERE false)",
  hasNoColumns: true,
  files: [],
  sizeBytes: 0,
  ...(state === undefined ? {} : { state }),
  explain: (error) => Promise.resolve(new AppError("internal", String(error))),
  verify: () => Promise.resolve(),
});

async function diskFile(path: string, webhook: string): Promise<DiskFile> {
  return new DiskFile(path, `bodies of the webhook ${webhook}`, await Deno.stat(path));
}
