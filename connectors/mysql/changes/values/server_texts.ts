import type { LoggedColumn } from "./logged_column.ts";
import { BINLOG_TYPE, type PhysicalColumn } from "../log/table_map.ts";

/** The first row that the server gives. Throws where a character had to be replaced that is a value's. */
export type AskServer = (sql: string, hasValues: boolean) => Promise<readonly (string | null)[]>;

/** A character set of one byte a character. */
interface ByteTable {
  /** Of each byte; undefined where Unicode has no such character. */
  readonly utf8: readonly (Uint8Array | undefined)[];
  /** Whether the first half is ASCII. */
  readonly isAscii: boolean;
}

/** Bytes in one question, at the most; and values. */
const MAX_BYTES = 1024 * 1024;
const MAX_VALUES = 200;

/** Characters of these are one to four bytes, which are UTF-8 already. */
const UTF8 = new Set(["utf8", "utf8mb3", "utf8mb4", "ascii"]);

const LOST = "has a character that Unicode does not have";

/**
 * What only the server knows: the characters of its character sets, and the texts of shapes and addresses. A set
 * of one byte a character is asked for once, any other value by itself.
 */
export class ServerTexts {
  readonly #ask: AskServer;
  /** By character set. */
  readonly #tables = new Map<string, ByteTable>();
  /** By expression. */
  readonly #known = new Map<string, Uint8Array>();

  constructor(ask: AskServer) {
    this.#ask = ask;
  }

  async #learnCharset({ facts: { charset } }: LoggedColumn): Promise<void> {
    if (charset === null || UTF8.has(charset) || this.#tables.has(charset)) return;
    const [maxBytes] = await this.#ask(
      `SELECT maxlen FROM information_schema.character_sets WHERE character_set_name = '${charset}'`,
      false,
    );
    if (maxBytes !== "1") return;
    const bytes = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i).toHex());
    const texts = await this.#ask(
      `SELECT ${bytes.map((hex) => `HEX(CONVERT(_${charset} X'${hex}' USING utf8mb4))`).join(", ")}`,
      false,
    );
    const lost = "3F";
    const utf8 = texts.map((hex, i) =>
      hex === null || hex === lost && bytes[i] !== "3f" ? undefined : Uint8Array.fromHex(hex)
    );
    const isAscii = utf8.slice(0, 0x80).every((one, i) => one?.length === 1 && one[0] === i);
    this.#tables.set(charset, { utf8, isAscii });
  }

  /** Asks for what is not known of the values; what was known of others is forgotten. To be called before `text`. */
  async learn(
    columns: readonly { readonly column: LoggedColumn; readonly physical: PhysicalColumn }[],
    values: (place: number) => Iterable<Uint8Array>,
  ): Promise<void> {
    this.#known.clear();
    const wanted = new Set<string>();
    for (const { column, physical } of columns) {
      await this.#learnCharset(column);
      if (!this.isAsked(column, physical)) continue;
      for (const value of values(column.place)) wanted.add(this.#expression(column, physical, value));
    }
    let [some, size]: [string[], number] = [[], 0];
    const flush = async () => {
      if (some.length === 0) return;
      const texts = await this.#ask(
        `SELECT ${some.map((expression) => `HEX(${expression})`).join(", ")}`,
        true,
      );
      for (const [i, expression] of some.entries()) {
        this.#known.set(expression, Uint8Array.fromHex(texts[i] ?? ""));
      }
      [some, size] = [[], 0];
    };
    for (const expression of wanted) {
      if (some.length >= MAX_VALUES || size + expression.length > MAX_BYTES) await flush();
      some.push(expression);
      size += expression.length;
    }
    await flush();
  }

  /** Whether a value of the column is to be asked for, by itself. */
  isAsked({ facts: { charset }, source }: LoggedColumn, { type }: PhysicalColumn): boolean {
    if (type === BINLOG_TYPE.geometry) return true;
    if (source.typeName === "inet4" || source.typeName === "inet6") return true;
    return isCharacters(type) && charset !== null && !UTF8.has(charset) && !this.#tables.has(charset);
  }

  /** The server's text of a value that was learned. */
  known(column: LoggedColumn, physical: PhysicalColumn, value: Uint8Array): Uint8Array {
    return this.#known.get(this.#expression(column, physical, value)) ?? neverAsked();
  }

  /** The UTF-8 of a text of the column, where that is not asked for. Throws RangeError. */
  text({ facts: { charset } }: LoggedColumn, { type }: PhysicalColumn, value: Uint8Array): Uint8Array {
    const table = charset === null || !isCharacters(type) ? undefined : this.#tables.get(charset);
    return table === undefined ? value : translate(value, table);
  }

  #expression(
    { facts: { charset }, source }: LoggedColumn,
    { type, meta }: PhysicalColumn,
    value: Uint8Array,
  ) {
    const hex = `X'${value.toHex()}'`;
    if (type === BINLOG_TYPE.geometry) {
      return `CASE WHEN ST_SRID(${hex}) = 0 THEN ST_AsText(${hex}) ` +
        `ELSE CONCAT('SRID=', ST_SRID(${hex}), ';', ST_AsText(${hex})) END`;
    }
    if (source.typeName === "inet4" || source.typeName === "inet6") {
      const whole = value.toHex().padEnd(meta * 2, "0");
      return `CAST(CAST(X'${whole}' AS ${source.typeName}) AS CHAR)`;
    }
    const text = `CONVERT(_${charset} ${hex} USING utf8mb4)`;
    return type === BINLOG_TYPE.string ? `TRIM(TRAILING ' ' FROM ${text})` : text;
  }
}

const CHARACTERS: ReadonlySet<number> = new Set([
  BINLOG_TYPE.varchar,
  BINLOG_TYPE.varString,
  BINLOG_TYPE.string,
  BINLOG_TYPE.tinyBlob,
  BINLOG_TYPE.mediumBlob,
  BINLOG_TYPE.longBlob,
  BINLOG_TYPE.blob,
]);

const isCharacters = (type: number): boolean => CHARACTERS.has(type);

/** Most texts have nothing but ASCII. */
function translate(value: Uint8Array, { utf8, isAscii }: ByteTable): Uint8Array {
  if (isAscii && value.every((byte) => byte < 0x80)) return value;
  let length = 0;
  for (let i = 0; i < value.length; i++) length += (utf8[value[i] ?? 0] ?? lost()).length;
  const bytes = new Uint8Array(length);
  for (let i = 0, at = 0; i < value.length; i++) {
    const one = utf8[value[i] ?? 0] ?? lost();
    bytes.set(one, at);
    at += one.length;
  }
  return bytes;
}

function lost(): never {
  throw new RangeError(LOST);
}

function neverAsked(): never {
  throw new RangeError("has a value that the server was not asked for");
}
