import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { DataType, type Field, type Schema } from "apache-arrow";
import { ZipFile } from "yazl";
import { EXTENSION_NAME_KEY, OPAQUE_EXTENSION } from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import type { FileWriter } from "../../locations/location.ts";
import { columnName, MAX_CELL_CHARACTERS, MAX_COLUMNS, MAX_ROWS } from "./names.ts";
import { timeSerial, timestampSerial } from "./serial.ts";

/**
 * Writes a workbook with one sheet (ECMA-376, SpreadsheetML). What Excel holds exactly is a number, a date, a
 * time or a boolean; everything else is text, which Excel shows as it is and never computes.
 */

export interface SheetOptions {
  readonly name: string;
  readonly header: boolean;
}

/** Integers and decimals of more digits, Excel would round. */
const MAX_DIGITS = 15;

/** The places of the formats in STYLES. */
const STYLE = { date: 1, timestamp: 2, time: 3, milliseconds: 4 } as const;

/**
 * Writes the rows, of which each value is DuckDB's text, or null. Returns how many. `action` begins messages. Throws
 * `invalid` for more rows, columns or characters than a sheet has.
 */
export async function writeXlsx(
  file: FileWriter,
  schema: Schema,
  rows: AsyncIterable<readonly (string | null)[]>,
  options: SheetOptions,
  action: string,
): Promise<number> {
  const sheet = new SheetWriter(schema, options, action);
  const zip = new ZipFile();
  for (const [path, text] of Object.entries(parts(options.name))) zip.addBuffer(Buffer.from(text), path);
  const source = Readable.from(sheet.write(rows), { objectMode: false });
  zip.addReadStream(source, "xl/worksheets/sheet1.xml", { compressionLevel: 6 });
  // The archive does not end where a part of it breaks.
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  source.on("error", broken.reject);
  zip.on("error", broken.reject);
  zip.end();
  const chunks = zip.outputStream[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([chunks.next(), broken.promise]);
    if (next.done) return sheet.rows;
    await file.write(Buffer.from(next.value));
  }
}

class SheetWriter {
  rows = 0;
  readonly #fields: readonly Field[];
  readonly #columns: readonly string[];
  readonly #writers: readonly ((text: string) => string)[];
  readonly #header: boolean;
  readonly #action: string;

  constructor({ fields }: Schema, { header }: SheetOptions, action: string) {
    if (fields.length > MAX_COLUMNS) {
      throw new AppError(
        "invalid",
        `${action}: it has ${fields.length} columns, and an Excel sheet ${MAX_COLUMNS}`,
      );
    }
    this.#fields = fields;
    this.#columns = fields.map((_, index) => columnName(index));
    this.#writers = fields.map(cellWriter);
    this.#header = header;
    this.#action = action;
  }

  async *write(rows: AsyncIterable<readonly (string | null)[]>): AsyncGenerator<Buffer> {
    yield Buffer.from(`${XML}<worksheet xmlns="${MAIN}"><sheetData>`);
    let text = "";
    let row = 0;
    if (this.#header) {
      row++;
      text += this.#row(row, this.#fields.map(({ name }) => name), textCell);
    }
    for await (const values of rows) {
      row++;
      this.rows++;
      if (row > MAX_ROWS) {
        throw new AppError(
          "invalid",
          `${this.#action}: it has more rows than the ${MAX_ROWS} of an Excel sheet; load fewer, or as csv or parquet`,
        );
      }
      text += this.#row(row, values, undefined);
      if (text.length < 65_536) continue;
      yield Buffer.from(text);
      text = "";
    }
    yield Buffer.from(`${text}</sheetData></worksheet>`);
  }

  #row(
    row: number,
    values: readonly (string | null)[],
    writer: ((text: string) => string) | undefined,
  ): string {
    let cells = "";
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? null;
      if (value === null) continue;
      if (value.length > MAX_CELL_CHARACTERS) throw this.#tooLong(row, index, value);
      cells += `<c r="${this.#columns[index]}${row}"${
        (writer ?? this.#writers[index] ?? textCell)(value)
      }</c>`;
    }
    return `<row r="${row}">${cells}</row>`;
  }

  #tooLong(row: number, index: number, value: string): AppError {
    return new AppError(
      "invalid",
      `${this.#action}: column "${this.#fields[index]?.name}" has ${value.length} characters in row ` +
        `${
          row - (this.#header ? 1 : 0)
        }, and an Excel cell ${MAX_CELL_CHARACTERS}; shorten it, or load as csv or parquet`,
    );
  }
}

/** The rest of a cell behind its name, up to its end. */
function cellWriter({ type, metadata }: Field): (text: string) => string {
  if (DataType.isBool(type)) return (text) => ` t="b"><v>${text === "true" ? 1 : 0}</v>`;
  if (DataType.isFloat(type)) {
    return (text) => Number.isFinite(Number(text)) ? `><v>${text}</v>` : textCell(text);
  }
  if (
    DataType.isInt(type) || DataType.isDecimal(type) || metadata.get(EXTENSION_NAME_KEY) === OPAQUE_EXTENSION
  ) {
    return (text) =>
      /^-?\d+(?:\.\d+)?$/.test(text) && digitCount(text) <= MAX_DIGITS ? `><v>${text}</v>` : textCell(text);
  }
  if (DataType.isDate(type)) return (text) => serialCell(text, timestampSerial(text), STYLE.date);
  if (DataType.isTimestamp(type) && !type.timezone) {
    return (text) =>
      serialCell(text, timestampSerial(text), text.includes(".") ? STYLE.milliseconds : STYLE.timestamp);
  }
  if (DataType.isTime(type)) return (text) => serialCell(text, timeSerial(text), STYLE.time);
  return textCell;
}

function digitCount(number: string): number {
  return number.replace(/[-.]/g, "").replace(/^0+/, "").length;
}

function serialCell(text: string, serial: number | undefined, style: number): string {
  return serial === undefined ? textCell(text) : ` s="${style}"><v>${serial}</v>`;
}

function textCell(text: string): string {
  return ` t="inlineStr"><is><t xml:space="preserve">${escapeText(text)}</t></is>`;
}

/** Among them are those that XML cannot hold, and a carriage return, which it would change. */
const CONTROL = /[\p{Cc}\ufffe\uffff]/gu;

function escapeText(text: string): string {
  return text.replace(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_").replace(/&/g, "&amp;").replace(/</g, "&lt;")
    .replace(/>/g, "&gt;").replace(CONTROL, (character) => {
      const isPlain = character === "\t" || character === "\n" ||
        (character > "\x1f" && character < "\ufffe");
      if (isPlain) return character;
      return `_x${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`;
    });
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml";

const FORMATS = ["yyyy\\-mm\\-dd", "yyyy\\-mm\\-dd\\ hh:mm:ss", "hh:mm:ss", "yyyy\\-mm\\-dd\\ hh:mm:ss.000"];

const STYLES = `${XML}<styleSheet xmlns="${MAIN}"><numFmts count="${FORMATS.length}">${
  FORMATS.map((code, index) => `<numFmt numFmtId="${164 + index}" formatCode="${code}"/>`).join("")
}</numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="${
  FORMATS.length + 1
}"><xf xfId="0"/>${
  FORMATS.map((_, index) => `<xf numFmtId="${164 + index}" xfId="0" applyNumberFormat="1"/>`).join("")
}</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`;

/** All parts but the sheet. */
function parts(sheetName: string): Record<string, string> {
  const name = sheetName.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  return {
    "[Content_Types].xml": `${XML}<Types xmlns="${PACKAGE}/content-types">` +
      `<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
      `<Default Extension="xml" ContentType="application/xml"/>` +
      `<Override PartName="/xl/workbook.xml" ContentType="${TYPES}.sheet.main+xml"/>` +
      `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${TYPES}.worksheet+xml"/>` +
      `<Override PartName="/xl/styles.xml" ContentType="${TYPES}.styles+xml"/></Types>`,
    "_rels/.rels": `${XML}<Relationships xmlns="${PACKAGE}/relationships">` +
      `<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><sheets>` +
      `<sheet name="${name}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `${XML}<Relationships xmlns="${PACKAGE}/relationships">` +
      `<Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>` +
      `<Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
    "xl/styles.xml": STYLES,
  };
}
