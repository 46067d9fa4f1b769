import { AppError } from "../../../contract/errors.ts";
import { LineTooLong } from "../command/byte_lines.ts";
import type { RunningCommand } from "../command/run_command.ts";
import { JsonFault, type LineWrap, type RecordSurvey } from "../../files/record_scan.ts";
import { JsonText } from "../../http/rest/page/json_walk.ts";
import { batchFormat, batchLines, fileOf } from "./batch_files.ts";
import { type Message, MessageFault, parseMessage, type RecordMessage } from "./messages.ts";
import type { RecordVersions } from "./record_versions.ts";
import { storedState, type TapState } from "./tap_state.ts";

/** The longest line of a tap, which is held in memory. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** How often a long reading says how far it is. */
const TELL_EVERY = 100_000;
const SHOWN_BYTES = 200;
/** A message has little beside its record. */
const MAX_WRAP_BYTES = 2_000;
const [LINE_FEED, QUOTE] = [0x0a, 0x22];

export interface TapReading {
  /** Heads messages of faults: `Connector "shop": tap-csv`. */
  readonly subject: string;
  readonly command: Pick<RunningCommand, "blocks" | "end">;
  /** By which messages may name the stream that was asked for. */
  readonly names: readonly string[];
  readonly records: RecordVersions;
  /** Of the records; undefined where each is to be looked at by itself. */
  readonly survey: RecordSurvey | undefined;
  /** As it was handed to the tap. */
  readonly state: TapState;
  /** The rows of before are kept: no other version of the table may take their place. */
  readonly keepsRows: boolean;
  /** Says of a STATE whether what came before it is to be committed with it. */
  readonly isCommitted: (state: string, records: number) => boolean;
  /** Where its BATCH files are. Absolute. */
  readonly folder: string;
  readonly onSchema: (schema: unknown) => void;
  readonly log: (level: "info" | "warn", message: string) => void;
}

export interface TapOutput {
  readonly state: TapState;
  readonly hasSchema: boolean;
  /** Records of streams that were not asked for, which were left out. */
  readonly others: number;
  /** Names of streams that had a SCHEMA. */
  readonly known: ReadonlySet<string>;
}

/**
 * Reads a tap to its end: the records of the one stream are in `records` then. Throws `invalid` with the line for what is no
 * message or is not understood, and what the command's end throws; nothing that was read since the last state that was committed is
 * whole then.
 */
export async function readTap(reading: TapReading): Promise<TapOutput> {
  const { command, subject } = reading;
  const reader = new TapReader(reading);
  try {
    for await (const block of command.blocks(MAX_LINE_BYTES)) await reader.takeLines(block);
  } catch (error) {
    if (error instanceof LineTooLong) {
      throw new AppError(
        "invalid",
        `${subject}, line ${reader.lines + error.line} of its output: it is longer than ${
          MAX_LINE_BYTES / 1024 / 1024
        } MiB`,
      );
    }
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new AppError(
      "invalid",
      `${subject}, line ${reader.lines} of its output: ${reason}: ${shown(reader.line)}`,
      { cause: error },
    );
  }
  await command.end();
  return reader.output;
}

/** Of what is wrong with a line. */
function reasonOf(error: unknown): string | undefined {
  const isOfLine = error instanceof MessageFault || error instanceof JsonFault ||
    error instanceof AppError && error.code === "invalid";
  return isOfLine ? error.message : undefined;
}

const shown = (bytes: Uint8Array): string => {
  const text = new TextDecoder().decode(bytes.subarray(0, SHOWN_BYTES)).replaceAll(/\p{Cc}+/gu, " ");
  return bytes.length > SHOWN_BYTES ? `${text}…` : text;
};

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte <= 0x20);

class TapReader {
  readonly #reading: TapReading;
  readonly #known = new Set<string>();
  #hasSchema = false;
  #text: string | undefined;
  #version: string | undefined;
  /** Of rows that are kept, whatever comes. */
  #kept: Pick<TapState, "version"> | undefined;
  #others = 0;
  /** What stood around the last record: what comes next most often is such a line. */
  #wrapped: { readonly wrap: LineWrap; readonly version: string | undefined } | undefined;
  #told = 0;
  /** So many were begun. */
  lines = 0;
  line: Uint8Array = new Uint8Array();

  constructor(reading: TapReading) {
    this.#reading = reading;
    this.#text = reading.state.text;
    this.#version = reading.state.version;
    this.#kept = reading.keepsRows ? reading.state : undefined;
  }

  get output(): TapOutput {
    return {
      state: { text: this.#text, version: this.#version },
      hasSchema: this.#hasSchema,
      others: this.#others,
      known: this.#known,
    };
  }

  /** Takes lines with their ends, of which the last one may have none. */
  async takeLines(block: Uint8Array): Promise<void> {
    const { survey, records } = this.#reading;
    survey?.forget();
    for (let at = 0; at < block.length;) {
      const wrapped = this.#wrapped;
      const run = wrapped && survey?.readWrapped(block, at, block.length, wrapped.wrap);
      if (wrapped !== undefined && run !== undefined) {
        const full = records.addLines(run, wrapped.version);
        if (full !== undefined) await full;
        this.lines += run.records;
        at = run.end;
        this.#tell();
        continue;
      }
      const feed = block.indexOf(LINE_FEED, at);
      const end = feed === -1 ? block.length : feed;
      if (end - at > MAX_LINE_BYTES) throw new LineTooLong(1);
      this.lines += 1;
      this.line = block.subarray(at, end);
      if (!isBlank(this.line)) await this.#take(parseMessage(this.line));
      at = end + 1;
    }
  }

  async #take(message: Message): Promise<void> {
    if (message.type === "STATE") {
      this.#text = message.text;
      await this.#commit(message.text);
      return;
    }
    const { stream } = message;
    const isAsked = this.#reading.names.includes(stream);
    if (message.type === "SCHEMA") {
      this.#known.add(stream);
      if (!isAsked) return;
      this.#hasSchema = true;
      this.#reading.onSchema(message.schema);
      return;
    }
    if (message.type === "ACTIVATE_VERSION") {
      if (isAsked) await this.#activate(message.version);
      return;
    }
    if (!this.#known.has(stream)) {
      throw new MessageFault(
        `a ${message.type} of the stream ${JSON.stringify(stream)}, which has had no SCHEMA`,
      );
    }
    if (!isAsked) this.#others += 1;
    else if (message.type === "BATCH") await this.#takeBatch(message);
    else {
      this.#wrapped = wrapOf(message);
      await this.#add(message.text, message.record, message.version);
    }
  }

  async #takeBatch(message: Extract<Message, { readonly type: "BATCH" }>): Promise<void> {
    const { folder, records } = this.#reading;
    if (batchFormat(message) === "parquet") {
      for (const url of message.manifest) await records.addTable(await fileOf(url, folder), url);
      return;
    }
    for await (const { line, file } of batchLines(message, folder, MAX_LINE_BYTES)) {
      const text = new JsonText(line);
      try {
        const record = text.root();
        if (text.kind(record) !== "object") throw new MessageFault("it is no JSON object");
        await this.#add(text, record, undefined);
      } catch (error) {
        throw error instanceof AppError ? error : new AppError(
          "invalid",
          `a line of ${file}: ${error instanceof Error ? error.message : error}: ${shown(line)}`,
        );
      }
    }
  }

  async #add(
    text: JsonText,
    record: Parameters<RecordVersions["add"]>[1],
    version: string | undefined,
  ): Promise<void> {
    await this.#reading.records.add(text, record, version);
    this.#tell();
  }

  #tell(): void {
    const { records: { records }, log } = this.#reading;
    if (records < this.#told + TELL_EVERY) return;
    this.#told = records - records % TELL_EVERY;
    log("info", `${this.#told} records`);
  }

  /** Lets what came so far be stored with the state, where the time has come. */
  async #commit(state: string): Promise<void> {
    const { records, isCommitted } = this.#reading;
    if (!records.isSure || !isCommitted(state, records.records)) return;
    const { state: reached } = this.output;
    await records.commit(storedState(reached));
    this.#kept = reached;
  }

  async #activate(version: string): Promise<void> {
    const kept = this.#kept?.version;
    if (kept !== undefined && kept !== version) {
      throw new MessageFault(
        `the tap begins a new version of the table, in the place of all rows of before: run once with --full-refresh`,
      );
    }
    this.#version = version;
    await this.#reading.records.activate(version);
  }
}

/** Undefined where it is too long to be looked for. */
function wrapOf({ text: { bytes }, record, time, version }: RecordMessage): {
  readonly wrap: LineWrap;
  readonly version: string | undefined;
} | undefined {
  if (bytes.length - (record.end - record.start) > MAX_WRAP_BYTES) return undefined;
  const before = bytes.slice(0, record.start);
  const isVaried = time !== undefined && time.start > record.end && bytes[time.start] === QUOTE;
  const wrap = isVaried
    ? {
      before,
      behind: bytes.slice(record.end, time.start + 1),
      last: bytes.slice(time.end - 1),
    }
    : { before, behind: bytes.slice(record.end), last: undefined };
  return { wrap, version };
}
