/** What the server answers, read from the bodies of its messages. */

/** A column of a result as the server describes it. */
export interface ResultColumn {
  readonly name: string;
  readonly typeOid: number;
  /** -1 where the type has no modifier. */
  readonly typeModifier: number;
}

const decoder = new TextDecoder();

/** DataRow: the values as text. */
export function parseDataRow(body: Uint8Array): (string | null)[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const values: (string | null)[] = [];
  let at = 2;
  for (let i = view.getInt16(0); i > 0; i--) {
    const length = view.getInt32(at);
    at += 4;
    values.push(length < 0 ? null : decoder.decode(body.subarray(at, at + length)));
    if (length > 0) at += length;
  }
  return values;
}

/** RowDescription. */
export function parseRowDescription(body: Uint8Array): ResultColumn[] {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const columns: ResultColumn[] = [];
  let at = 2;
  for (let i = view.getInt16(0); i > 0; i--) {
    const end = body.indexOf(0, at);
    const name = decoder.decode(body.subarray(at, end));
    columns.push({ name, typeOid: view.getUint32(end + 7), typeModifier: view.getInt32(end + 13) });
    at = end + 19;
  }
  return columns;
}

/** CommandComplete: the tag, as `INSERT 0 3`. */
export const parseTag = (body: Uint8Array): string => decoder.decode(body.subarray(0, body.length - 1));

/** The count at the end of a tag, as `COPY 12`. */
export const rowsOfTag = (tag: string): number => Number(/ (\d+)$/.exec(tag)?.[1] ?? Number.NaN);
