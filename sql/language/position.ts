import type { SourcePlace } from "../../text/fault.ts";

/** The place of a UTF-16 offset in a file's text. Lines end with `\n`, `\r\n` or `\r`. */
export function placeAt(text: string, offset: number, file: string): Required<SourcePlace> {
  let line = 1;
  let lineStart = 0;
  const end = Math.min(Math.max(offset, 0), text.length);
  for (let index = 0; index < end; index++) {
    const char = text[index];
    if (char === "\n" || (char === "\r" && text[index + 1] !== "\n")) {
      line++;
      lineStart = index + 1;
    }
  }
  return { file, line, column: end - lineStart + 1 };
}

/** The UTF-16 offset of a UTF-8 byte offset: places in DuckDB's parse tree count bytes. */
export function offsetOfByte(text: string, byteOffset: number): number {
  return offsetAfter(text, byteOffset, utf8Length);
}

/** The UTF-16 offset of a code point's index: places of DuckDB's syntax errors count code points. */
export function offsetOfCodePoint(text: string, index: number): number {
  return offsetAfter(text, index, () => 1);
}

function offsetAfter(text: string, amount: number, sizeOf: (codePoint: number) => number): number {
  let offset = 0;
  for (let passed = 0; passed < amount && offset < text.length;) {
    const codePoint = text.codePointAt(offset) ?? 0;
    passed += sizeOf(codePoint);
    offset += codePoint > 0xffff ? 2 : 1;
  }
  return offset;
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}
