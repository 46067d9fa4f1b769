import { Buffer } from "node:buffer";
import { AppError } from "../../../../contract/errors.ts";
import { JsonText, type PageRecord, type Piece } from "./json_walk.ts";

/** As deep as a record may be nested. */
const MOST_DEPTH = 1000;

/**
 * The record with the members of its nested objects in their place, as `"address__city":"Oslo"`: values are as they were
 * written. An object without members stays.
 */
export function flattened({ text, piece }: PageRecord): PageRecord {
  if (!hasObjects(text, piece)) return { text, piece };
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  addMembers(text, piece, "", 1, (name, value) => {
    parts.push(encoder.encode(`${parts.length === 0 ? "{" : ","}${JSON.stringify(name)}:`));
    parts.push(text.bytes.subarray(value.start, value.end));
  });
  parts.push(encoder.encode("}"));
  const bytes = Buffer.concat(parts);
  return { text: new JsonText(bytes), piece: { start: 0, end: bytes.length } };
}

function addMembers(
  text: JsonText,
  piece: Piece,
  prefix: string,
  depth: number,
  add: (name: string, value: Piece) => void,
): void {
  if (depth > MOST_DEPTH) throw new AppError("invalid", `a record is nested more than ${MOST_DEPTH} deep`);
  for (const [key, value] of text.members(piece)) {
    const name = `${prefix}${key}`;
    const [first] = text.members(value);
    if (first === undefined) add(name, value);
    else addMembers(text, value, `${name}__`, depth + 1, add);
  }
}

function hasObjects(text: JsonText, piece: Piece): boolean {
  for (const [, value] of text.members(piece)) if (text.kind(value) === "object") return true;
  return false;
}
