import { AppError } from "../../../contract/errors.ts";
import { cellName, columnOf, MAX_COLUMNS } from "./names.ts";
import { serialElapsed, serialTime, serialTimeOfDay } from "./serial.ts";
import { type Sheet, TextCollector, type Workbook } from "./workbook.ts";
import { XmlReader } from "./xml.ts";

export type CellKind =
  | "integer"
  | "double"
  | "date"
  | "timestamp"
  | "time"
  | "interval"
  | "boolean"
  | "text"
  | "error";

export interface Cell {
  readonly kind: CellKind;
  /** The value as DuckDB reads it in the type of its kind. */
  readonly text: string;
}

export interface SheetRow {
  /** From 1. */
  readonly row: number;
  /** By column from 0; empty cells are not there. */
  readonly cells: readonly (Cell | undefined)[];
}

/** The rows of a sheet that have a cell with a value, in their order. */
export async function* sheetRows(
  workbook: Workbook,
  sheet: Sheet,
  signal: AbortSignal,
): AsyncIterable<SheetRow> {
  const { file, archive } = workbook;
  const reader = new SheetReader(workbook, sheet);
  const xml = new XmlReader(reader);
  try {
    for await (const chunk of archive.read(sheet.path, signal)) {
      xml.write(chunk);
      yield* reader.take();
    }
    xml.end();
    yield* reader.take();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    const what = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read "${file.shown}" sheet "${sheet.name}": ${what}`, {
      cause: error,
    });
  }
}

class SheetReader {
  readonly #workbook: Workbook;
  readonly #sheet: Sheet;
  readonly #inline = new TextCollector();
  #rows: SheetRow[] = [];
  #row = 0;
  #column = -1;
  #cells: (Cell | undefined)[] = [];
  #type = "";
  #style = 0;
  #value: string | undefined;
  #isValue = false;
  #hasFormula = false;
  #hasInline = false;

  constructor(workbook: Workbook, sheet: Sheet) {
    this.#workbook = workbook;
    this.#sheet = sheet;
  }

  take(): SheetRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    switch (name) {
      case "row":
        this.#row = attributes["r"] === undefined ? this.#row + 1 : Number(attributes["r"]);
        this.#column = -1;
        this.#cells = [];
        break;
      case "c":
        this.#column = attributes["r"] === undefined ? this.#column + 1 : columnOf(attributes["r"]);
        if (this.#column >= MAX_COLUMNS) throw new Error(`its row ${this.#row} has more columns than Excel`);
        this.#type = attributes["t"] ?? "n";
        this.#style = Number(attributes["s"] ?? 0);
        this.#value = undefined;
        this.#hasFormula = false;
        this.#hasInline = false;
        break;
      case "v":
        this.#isValue = true;
        this.#value ??= "";
        break;
      case "f":
        this.#hasFormula = true;
        break;
      case "is":
        this.#hasInline = true;
        break;
      default:
        if (this.#hasInline) this.#inline.open(name);
    }
  }

  text(part: string): void {
    if (this.#isValue) this.#value += part;
    else if (this.#hasInline) this.#inline.text(part);
  }

  close(name: string): void {
    switch (name) {
      case "v":
        this.#isValue = false;
        break;
      case "c": {
        const cell = this.#cell();
        if (cell !== undefined) this.#cells[this.#column] = cell;
        this.#hasInline = false;
        break;
      }
      case "row":
        if (this.#cells.length > 0) this.#rows.push({ row: this.#row, cells: this.#cells });
        break;
      default:
        if (this.#hasInline) this.#inline.close(name);
    }
  }

  #cell(): Cell | undefined {
    if (this.#hasInline) return { kind: "text", text: this.#inline.take() };
    const value = this.#value;
    if (value === undefined) {
      if (!this.#hasFormula) return undefined;
      throw new Error(
        `cell ${cellName(this.#column, this.#row)} has a formula without its value; open the workbook in a ` +
          "spreadsheet program and save it, which computes it",
      );
    }
    switch (this.#type) {
      case "s":
        return { kind: "text", text: this.#shared(value) };
      case "str":
      case "inlineStr":
        return { kind: "text", text: value };
      case "b":
        return { kind: "boolean", text: value === "1" || value === "true" ? "true" : "false" };
      case "e":
        return { kind: "error", text: value };
      case "d":
        return isoCell(value);
      default:
        return value === "" ? undefined : this.#number(value);
    }
  }

  #shared(index: string): string {
    const text = this.#workbook.strings[Number(index)];
    if (text !== undefined) return text;
    throw new Error(`cell ${cellName(this.#column, this.#row)} refers to a shared text that is not there`);
  }

  #number(value: string): Cell {
    const number = Number(value);
    if (!Number.isFinite(number)) {
      throw new Error(
        `cell ${cellName(this.#column, this.#row)} of sheet "${this.#sheet.name}" is no number`,
      );
    }
    const plain: Cell = Number.isSafeInteger(number)
      ? { kind: "integer", text: String(number) }
      : { kind: "double", text: String(number) };
    const kind = this.#workbook.kinds[this.#style] ?? "number";
    if (kind === "number") return plain;
    if (kind === "elapsed") return { kind: "interval", text: serialElapsed(number) };
    const isTimeOnly = kind === "time" || (number < 1 && !this.#workbook.is1904);
    const time = isTimeOnly ? serialTimeOfDay(number) : undefined;
    if (time !== undefined) return { kind: "time", text: time };
    const moment = serialTime(number, this.#workbook.is1904);
    if (moment === undefined) return plain;
    if (kind === "date" && moment.isMidnight) return { kind: "date", text: moment.date };
    return { kind: "timestamp", text: `${moment.date} ${moment.time}` };
  }
}

/** A cell that holds ISO 8601, as few programs write it. */
function isoCell(value: string): Cell {
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return { kind: "date", text: value };
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?$/.test(value)) {
    return { kind: "timestamp", text: value.replace("T", " ") };
  }
  if (/^\d\d:\d\d:\d\d(?:\.\d{1,6})?$/.test(value)) return { kind: "time", text: value };
  return { kind: "text", text: value };
}
