export { ConnectionLostError, describeSocketError, HandshakeError } from "../../network/failures.ts";

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

export const NOT_THE_PROTOCOL = "the server sent something that is not PostgreSQL's protocol";

const decoder = new TextDecoder();

/**
 * Reads the fields of an ErrorResponse or NoticeResponse: a letter, a text, a zero; at the end a
 * zero. Undefined where the body has another form.
 */
export function parseServerMessage(body: Uint8Array): ServerMessage | undefined {
  const fields = new Map<string, string>();
  let at = 0;
  while (body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (at >= body.length || end < 0) return undefined;
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
