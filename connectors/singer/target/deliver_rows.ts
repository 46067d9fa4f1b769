import type { RecordBatch } from "apache-arrow";
import type { ConnectorContext } from "../../../contract/connector/connector.ts";
import type { DeliveryRequest, DeliveryResult } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";
import { programOf, RunningCommand } from "../command/run_command.ts";
import { Workplace } from "../command/workplace.ts";
import type { SingerConfig } from "../config.ts";
import { extensionOf, jsonText } from "../../destination/json_text.ts";
import { Scratch } from "../../locations/scratch.ts";
import type { SingerTarget } from "../options.ts";
import { isDecimalText, recordSchema } from "./record_schema.ts";

const CHUNK_CHARACTERS = 1024 * 1024;
/** What a target writes is a STATE a line, and ours is short. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const OK: DeliveryResult = { type: "ok" };

/**
 * Starts the target, hands it the rows and a STATE, and waits until it has said that STATE and ended with 0: then it has taken
 * all of them. Throws otherwise: it is not known which rows it took.
 */
export async function deliverRows(
  config: SingerConfig,
  context: ConnectorContext,
  batches: readonly RecordBatch[],
  request: Pick<DeliveryRequest<SingerTarget>, "target" | "idempotencyKey" | "mode" | "primaryKey">,
  signal: AbortSignal,
): Promise<readonly DeliveryResult[]> {
  const subject = `Connector "${context.name}": ${programOf(config)}`;
  using _place = await context.budget.acquire(signal);
  await using scratch = new Scratch(context.scratchDir);
  const workplace = await Workplace.create(scratch, config.environment);
  const args = ["--config", await workplace.put("config.json", JSON.stringify(config.config))];
  await using command = RunningCommand.start(config, args, workplace, context, signal);
  const writing = write(command.stdin, messages(batches, request));
  // It is looked at below; until then it may fail.
  writing.catch(() => {});
  let isTaken = false;
  for await (const line of command.lines(MAX_LINE_BYTES, true)) {
    isTaken ||= saysKey(line, request.idempotencyKey);
  }
  await command.end();
  const isWritten = await writing;
  const rows = batches.reduce((sum, { numRows }) => sum + numRows, 0);
  if (isWritten && isTaken) return Array.from({ length: rows }, () => OK);
  const what = isWritten
    ? "ended without the STATE that it was sent behind the rows"
    : "ended before it had read all rows";
  throw new AppError("unavailable", `${subject} ${what}: it is not known which of ${rows} rows it has taken`);
}

/** Whether all of it was read, as far as can be seen. */
async function write(stdin: WritableStream<Uint8Array>, lines: Iterable<string>): Promise<boolean> {
  const writer = stdin.getWriter();
  const encoder = new TextEncoder();
  let chunk = "";
  try {
    for (const line of lines) {
      chunk += `${line}\n`;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      await writer.write(encoder.encode(chunk));
      chunk = "";
    }
    await writer.write(encoder.encode(chunk));
    await writer.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  } finally {
    writer.releaseLock();
  }
}

function* messages(
  batches: readonly RecordBatch[],
  { target: { stream }, idempotencyKey, mode, primaryKey }: Parameters<typeof deliverRows>[3],
): Generator<string> {
  const [first] = batches;
  if (first === undefined) return;
  const key = mode === "merge" ? primaryKey : [];
  yield JSON.stringify({ type: "SCHEMA", stream, schema: recordSchema(first.schema), key_properties: key });
  const head = `{"type":"RECORD","stream":${JSON.stringify(stream)},"record":`;
  for (const batch of batches) {
    for (let index = 0; index < batch.numRows; index++) yield `${head}${recordText(batch, index)}}`;
  }
  yield JSON.stringify({ type: "STATE", value: { sluice: idempotencyKey } });
}

const base64 = (bytes: Uint8Array): string => bytes.toBase64();

function recordText({ schema, data }: RecordBatch, index: number): string {
  const members = schema.fields.map((field, at) => {
    const column = data.children[at];
    const text = column === undefined ? "null" : jsonText(column, index, extensionOf(field), base64);
    return `${JSON.stringify(field.name)}:${isDecimalText(field) && text !== "null" ? `"${text}"` : text}`;
  });
  return `{${members.join(",")}}`;
}

/** Whether the line is the value of our STATE. */
function saysKey(line: Uint8Array, key: string): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(line));
    return typeof value === "object" && value !== null && "sluice" in value && value.sluice === key;
  } catch {
    // Some targets print other things too.
    return false;
  }
}
