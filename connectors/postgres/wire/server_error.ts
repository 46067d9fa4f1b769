/** What the server says in an ErrorResponse or a NoticeResponse. */
export interface ServerMessage {
  readonly severity: string;
  /** SQLSTATE, as `42P01`. */
  readonly code: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  /** Counts characters from 1 in the statement's text. */
  readonly position: string | undefined;
  readonly where: string | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
}

/** An error that the server reported; `fields.code` is its SQLSTATE. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly fields: ServerMessage;

  constructor(fields: ServerMessage) {
    super(fields.message);
    this.fields = fields;
  }
}

/** The connection could not be made, or ended before the answer did. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** The server and this client do not agree on authentication or encryption. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
  readonly kind: "authentication" | "encryption";

  constructor(kind: "authentication" | "encryption", message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const decoder = new TextDecoder();

/** Reads the fields of an ErrorResponse or NoticeResponse: a letter, a text, a zero; at the end a zero. */
export function parseServerMessage(body: Uint8Array): ServerMessage {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end < 0) break;
    fields.set(String.fromCharCode(body[at] ?? 0), decoder.decode(body.subarray(at + 1, end)));
    at = end + 1;
  }
  return {
    severity: fields.get("V") ?? fields.get("S") ?? "ERROR",
    code: fields.get("C") ?? "XX000",
    message: fields.get("M") ?? "no message",
    detail: fields.get("D"),
    hint: fields.get("H"),
    position: fields.get("P"),
    where: fields.get("W"),
    table: fields.get("t"),
    column: fields.get("c"),
    constraint: fields.get("n"),
  };
}
