import { type Data, DataType, type Field, type RecordBatch } from "apache-arrow";
import { extensionOf, jsonText } from "../../../connectors/destination/json_text.ts";
import { EXTENSION_METADATA_KEY } from "../../../contract/arrow.ts";
import type { ScriptJob } from "../../../contract/jobs/script_job.ts";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { StreamDefinition } from "../../../contract/pipeline/stream.ts";
import type { Connections } from "../connections.ts";
import { typeText } from "../../duckdb/duck_type.ts";
import { duckTypeOf } from "../../duckdb/types.ts";
import { textReader } from "../extract/arrow_text.ts";
import { jobConnections, type JobContext } from "../job_context.ts";
import { TrialInputs } from "./trial_inputs.ts";
import { tryLoad } from "./try_load.ts";

/** Runs one script as the stream or the load that names it would, up to so many rows, and reports them; nothing is stored. */
export async function scriptJob(job: ScriptJob, context: JobContext): Promise<void> {
  const { stream, load } = job;
  await using connections = jobConnections(job, context);
  const inputs = new TrialInputs(job, connections, context.signal);
  if (stream !== undefined) return await tryStream(job, stream, inputs, connections, context);
  if (load !== undefined) return await tryLoad(job, load, inputs, connections, context);
  throw new AppError("internal", "A script is tried as a stream or as a load");
}

async function tryStream(
  { name, state, limit, run, inputs: given }: ScriptJob,
  stream: StreamDefinition,
  inputs: TrialInputs,
  connections: Connections,
  { reporter, signal }: JobContext,
): Promise<void> {
  const { source, request } = await connections.source(name, stream);
  const asked = {
    ...request,
    run,
    ...(state === undefined ? {} : { state }),
    ...(given === undefined ? {} : {
      inputRows: (batchRows: number) => inputs.rows(batchRows),
      inputSchemas: () => inputs.schemas(),
    }),
  };
  const shown = new ShownRows(name);
  let reached: JsonValue | undefined;
  let isWhole = true;
  for await (const message of source.read({ streams: [asked] }, signal)) {
    if (message.type === "log") reporter.log(message.level, name, message.message);
    else if (message.type === "state") reached = message.state;
    else if (message.type === "rows") {
      shown.take(message.batch, limit);
      if (shown.rows.length < limit || shown.count === limit) continue;
      isWhole = false;
      break;
    }
  }
  const { columns, rows, count } = shown;
  reporter.send({
    type: "tried",
    columns,
    rows,
    count,
    isWhole,
    ...(reached === undefined ? {} : { state: reached }),
  });
}

/** The first rows of a stream, as texts. A column may come later, and its type may grow. */
class ShownRows {
  readonly rows: (string | null)[][] = [];
  count = 0;
  readonly #stream: string;
  readonly #types = new Map<string, string>();

  constructor(stream: string) {
    this.#stream = stream;
  }

  get columns(): { name: string; type: string }[] {
    return [...this.#types].map(([name, type]) => ({ name, type }));
  }

  take(batch: RecordBatch, limit: number): void {
    this.count += batch.numRows;
    const taken = Math.min(batch.numRows, limit - this.rows.length);
    const first = this.rows.length;
    for (let row = 0; row < taken; row++) this.rows.push([]);
    for (const [index, field] of batch.schema.fields.entries()) {
      this.#types.set(field.name, typeName(field));
      const column = [...this.#types.keys()].indexOf(field.name);
      const data = batch.data.children[index];
      if (data === undefined) continue;
      const read = cellReader(this.#stream, field);
      for (let row = 0; row < taken; row++) {
        const cells = this.rows[first + row];
        if (cells !== undefined) cells[column] = data.getValid(row) ? read(data, row) : null;
      }
    }
    // A row from before a column came, or without one, has NULL there.
    for (const cells of this.rows) {
      for (let column = 0; column < this.#types.size; column++) cells[column] ??= null;
    }
  }
}

function cellReader(stream: string, field: Field): (data: Data, row: number) => string {
  if (DataType.isFloat(field.type)) return (data, row) => String(data.values[row]);
  if (DataType.isBinary(field.type)) {
    return ({ values, valueOffsets }, row) =>
      `0x${new Uint8Array(values.subarray(valueOffsets[row], valueOffsets[row + 1])).toHex()}`;
  }
  if (isHugeint(field)) {
    return ({ values }, row) => {
      const view = new DataView(values.buffer, values.byteOffset + row * 16, 16);
      return String((view.getBigInt64(8, true) << 64n) | view.getBigUint64(0, true));
    };
  }
  if (isMadeOfOthers(field.type)) {
    return (data, row) => {
      const text = jsonText(data, row, extensionOf(field));
      return text.startsWith('"') ? String(JSON.parse(text)) : text;
    };
  }
  return textReader(stream, field, "a script is tried");
}

/** As DuckDB calls it. */
const typeName = (field: Field): string => typeText(duckTypeOf(field), NO_KEYWORDS);
const NO_KEYWORDS: ReadonlySet<string> = new Set();

/** Types of Arrow that have no text of their own. */
const isMadeOfOthers = (type: DataType): boolean =>
  DataType.isDictionary(type) || DataType.isNull(type) || DataType.isInterval(type) ||
  DataType.isDuration(type) || type.children?.length > 0;

const isHugeint = ({ metadata }: Field): boolean =>
  metadata.get(EXTENSION_METADATA_KEY)?.includes('"hugeint"') === true;
