/**
 * The frontend messages of PostgreSQL's protocol 3.0 that this connector sends.
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const encoder = new TextEncoder();

/** Bytes before the payload of a message: its type and its length. */
export const MESSAGE_HEADER_BYTES = 5;

const PROTOCOL_VERSION = 196_608;
const SSL_REQUEST_CODE = 80_877_103;
const CANCEL_REQUEST_CODE = 80_877_102;

/** A string that ends with a zero byte. A zero inside would end it early, so it is refused. */
function cString(text: string): Uint8Array {
  if (text.includes("\0")) throw new TypeError("Cannot send a text with a zero byte in it to PostgreSQL");
  return encoder.encode(`${text}\0`);
}

function message(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 4);
  const bytes = new Uint8Array(1 + sizeBytes);
  bytes[0] = type.charCodeAt(0);
  new DataView(bytes.buffer).setInt32(1, sizeBytes);
  let at = MESSAGE_HEADER_BYTES;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function untyped(code: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return message("\0", int32(code), ...parts).subarray(1);
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

export const sslRequest = (): Uint8Array => untyped(SSL_REQUEST_CODE);

export const cancelRequest = (processId: number, secretKey: number): Uint8Array =>
  untyped(CANCEL_REQUEST_CODE, int32(processId), int32(secretKey));

export function startup(parameters: Readonly<Record<string, string>>): Uint8Array {
  const pairs = Object.entries(parameters).flatMap(([key, value]) => [cString(key), cString(value)]);
  return untyped(PROTOCOL_VERSION, ...pairs, new Uint8Array(1));
}

export const password = (text: string): Uint8Array => message("p", cString(text));

export const saslInitialResponse = (mechanism: string, response: string): Uint8Array => {
  const bytes = encoder.encode(response);
  return message("p", cString(mechanism), int32(bytes.length), bytes);
};

export const saslResponse = (response: string): Uint8Array => message("p", encoder.encode(response));

export const query = (sql: string): Uint8Array => message("Q", cString(sql));

/** Parse and Describe of the unnamed statement, then Sync. */
export function describeStatement(sql: string): readonly Uint8Array[] {
  const noParameterTypes = new Uint8Array(2);
  return [
    message("P", cString(""), cString(sql), noParameterTypes),
    message("D", encoder.encode("S"), cString("")),
    message("S"),
  ];
}

/** Writes the header of a CopyData message into the room that its payload left at the front. */
export function fillCopyDataHeader(bytes: Uint8Array): void {
  bytes[0] = 0x64;
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(1, bytes.length - 1);
}

export const copyDone = (): Uint8Array => message("c");
export const copyFail = (reason: string): Uint8Array => message("f", cString(reason));
export const terminate = (): Uint8Array => message("X");
