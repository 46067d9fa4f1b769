import { isUtf8 } from "node:buffer";
import { JsonText, JsonTextFault, type Piece } from "../../http/rest/page/json_walk.ts";

/** What a tap says on its output, a line each: https://github.com/singer-io/getting-started/blob/master/docs/SPEC.md */
export type Message =
  | SchemaMessage
  | RecordMessage
  | { readonly type: "STATE"; readonly text: string }
  | { readonly type: "ACTIVATE_VERSION"; readonly stream: string; readonly version: string }
  | BatchMessage;

export interface SchemaMessage {
  readonly type: "SCHEMA";
  readonly stream: string;
  readonly schema: unknown;
}

export interface RecordMessage {
  readonly type: "RECORD";
  readonly stream: string;
  /** The line, and where in it the record is: no number of it is read here. */
  readonly text: JsonText;
  readonly record: Piece;
  /** Undefined where there is none. */
  readonly version: string | undefined;
  /** Its `time_extracted`, which is another one in each line. */
  readonly time: Piece | undefined;
}

export interface BatchMessage {
  readonly type: "BATCH";
  readonly stream: string;
  readonly encoding: unknown;
  readonly manifest: readonly string[];
}

/** Why a line is no message, for people. */
export class MessageFault extends Error {}

/** Throws MessageFault. */
export function parseMessage(line: Uint8Array): Message {
  const text = new JsonText(line);
  try {
    return messageIn(text);
  } catch (error) {
    if (error instanceof JsonTextFault) throw new MessageFault(`it is no JSON: ${error.message}`);
    throw error;
  }
}

function messageIn(text: JsonText): Message {
  const root = text.root();
  if (text.kind(root) !== "object") throw new MessageFault("it is no JSON object");
  const members = new Map(text.members(root));
  const valueOf = (key: string): unknown => {
    const piece = members.get(key);
    return piece === undefined ? undefined : text.value(piece);
  };
  const required = (key: string): Piece => {
    const piece = members.get(key);
    if (piece === undefined) throw new MessageFault(`it has no ${JSON.stringify(key)}`);
    return piece;
  };
  const streamOf = (): string => {
    const stream = text.value(required("stream"));
    if (typeof stream !== "string") throw new MessageFault('its "stream" is no text');
    return stream;
  };
  const type = text.value(required("type"));
  switch (type) {
    case "RECORD": {
      const record = required("record");
      if (text.kind(record) !== "object") throw new MessageFault('its "record" is no object');
      const version = versionIn(text, members.get("version"));
      return { type, stream: streamOf(), text, record, version, time: members.get("time_extracted") };
    }
    case "SCHEMA":
      return { type, stream: streamOf(), schema: text.value(required("schema")) };
    case "STATE": {
      if (!isUtf8(text.bytes)) throw new MessageFault("it is not UTF-8");
      const value = required("value");
      // It is kept as it is, and has to be JSON.
      text.value(value);
      return { type, text: text.text(value) };
    }
    case "ACTIVATE_VERSION": {
      const version = versionIn(text, required("version"));
      if (version === undefined) throw new MessageFault('its "version" is no number');
      return { type, stream: streamOf(), version };
    }
    case "BATCH": {
      const manifest = valueOf("manifest");
      if (!isTexts(manifest)) throw new MessageFault('its "manifest" is no list of files');
      return { type, stream: streamOf(), encoding: valueOf("encoding"), manifest };
    }
    default:
      throw new MessageFault(`its "type" is ${JSON.stringify(type)}`);
  }
}

/** As it is written: versions are only compared. */
const versionIn = (text: JsonText, piece: Piece | undefined): string | undefined =>
  piece === undefined || text.isNull(piece) ? undefined : text.text(piece);

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
