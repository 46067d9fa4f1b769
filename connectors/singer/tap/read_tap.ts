import { AppError } from "../../../contract/errors.ts";
import { LineTooLong } from "../command/byte_lines.ts";
import type { RunningCommand } from "../command/run_command.ts";
import { JsonFault } from "../../files/record_scan.ts";
import { JsonText } from "../../http/rest/page/json_walk.ts";
import { batchLines } from "./batch_files.ts";
import { type Message, MessageFault, parseMessage } from "./messages.ts";
import type { RecordVersions } from "./record_versions.ts";
import type { TapState } from "./tap_state.ts";

/** The longest line of a tap, which is held in memory. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** How often a long reading says how far it is. */
const TELL_EVERY = 100_000;
const SHOWN_BYTES = 200;

export interface TapReading {
  /** Heads messages of faults: `Connector "shop": tap-csv`. */
  readonly subject: string;
  readonly command: Pick<RunningCommand, "lines" | "end">;
  /** By which messages may name the stream that was asked for. */
  readonly names: readonly string[];
  readonly records: RecordVersions;
  /** As it was handed to the tap. */
  readonly state: TapState;
  /** The rows of before are kept: no other version of the table may take their place. */
  readonly keepsRows: boolean;
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
 * message or is not understood, and what the command's end throws; nothing that was read before is whole then.
 */
export async function readTap(reading: TapReading): Promise<TapOutput> {
  const { command, subject } = reading;
  const reader = new TapReader(reading);
  let line = 0;
  let bytes: Uint8Array = new Uint8Array();
  try {
    for await (bytes of command.lines(MAX_LINE_BYTES)) {
      line += 1;
      if (!isBlank(bytes)) await reader.take(parseMessage(bytes));
    }
  } catch (error) {
    if (error instanceof LineTooLong) {
      throw new AppError(
        "invalid",
        `${subject}, line ${error.line} of its output: it is longer than ${MAX_LINE_BYTES / 1024 / 1024} MiB`,
      );
    }
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new AppError("invalid", `${subject}, line ${line} of its output: ${reason}: ${shown(bytes)}`, {
      cause: error,
    });
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
  #others = 0;

  constructor(reading: TapReading) {
    this.#reading = reading;
    this.#text = reading.state.text;
    this.#version = reading.state.version;
  }

  get output(): TapOutput {
    return {
      state: { text: this.#text, version: this.#version },
      hasSchema: this.#hasSchema,
      others: this.#others,
      known: this.#known,
    };
  }

  async take(message: Message): Promise<void> {
    if (message.type === "STATE") {
      this.#text = message.text;
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
    else await this.#add(message.text, message.record, message.version);
  }

  async #takeBatch(message: Extract<Message, { readonly type: "BATCH" }>): Promise<void> {
    for await (const { line, file } of batchLines(message, this.#reading.folder, MAX_LINE_BYTES)) {
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
    const { records, log } = this.#reading;
    await records.add(text, record, version);
    if (records.records % TELL_EVERY === 0) log("info", `${records.records} records`);
  }

  async #activate(version: string): Promise<void> {
    const { state, keepsRows, records } = this.#reading;
    if (keepsRows && state.version !== undefined && state.version !== version) {
      throw new MessageFault(
        `the tap begins a new version of the table, in the place of all rows of before: run once with --full-refresh`,
      );
    }
    this.#version = version;
    await records.activate(version);
  }
}
