import { AppError } from "../../../contract/errors.ts";
import type { StoredFile } from "../../locations/location.ts";
import { didYouMean } from "../../../text/suggest.ts";
import { Archive } from "./archive.ts";
import { type NumberKind, numberKind } from "./number_format.ts";
import { readXml } from "./xml.ts";

export interface Sheet {
  readonly name: string;
  readonly isHidden: boolean;
  /** In the archive. */
  readonly path: string;
}

/** What the cells of a workbook refer to. Disposing of it closes the file. */
export interface Workbook extends Disposable {
  readonly file: StoredFile;
  readonly archive: Archive;
  /** Those with cells, in their order. */
  readonly sheets: readonly Sheet[];
  readonly is1904: boolean;
  /** By the number of a cell's style. */
  readonly kinds: readonly NumberKind[];
  readonly strings: readonly string[];
}

/** Of all shared texts together. */
const MAX_STRING_CHARACTERS = 512 * 1024 * 1024;

/** Throws `invalid` for what is no workbook. */
export async function openWorkbook(file: StoredFile, signal: AbortSignal): Promise<Workbook> {
  const archive = await Archive.open(file);
  try {
    return await readWorkbook(file, archive, signal);
  } catch (error) {
    archive[Symbol.dispose]();
    if (error instanceof AppError) throw error;
    signal.throwIfAborted();
    const what = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read "${file.shown}": it is no Excel workbook (${what})`, {
      cause: error,
    });
  }
}

async function readWorkbook(file: StoredFile, archive: Archive, signal: AbortSignal): Promise<Workbook> {
  const root = await relationsOf(archive, "", signal);
  const path = root.find(({ type }) => type.endsWith("/officeDocument"))?.target ?? "xl/workbook.xml";
  const relations = await relationsOf(archive, path, signal);
  const targetOf = (type: string) => relations.find((relation) => relation.type.endsWith(`/${type}`))?.target;
  const found: { name: string; isHidden: boolean; id: string }[] = [];
  let is1904 = false;
  await readXml(archive.read(path, signal), {
    open(name, attributes) {
      if (name === "workbookPr") is1904 = isTrue(attributes["date1904"]);
      if (name !== "sheet") return;
      const id = Object.entries(attributes).find(([key]) => key === "id" || key.endsWith(":id"))?.[1] ?? "";
      const isHidden = (attributes["state"] ?? "visible") !== "visible";
      found.push({ name: attributes["name"] ?? "", isHidden, id });
    },
  });
  const sheets = found.flatMap(({ id, ...sheet }): Sheet[] => {
    const relation = relations.find((one) => one.id === id);
    // Charts and macros are sheets as well.
    return relation?.type.endsWith("/worksheet") ? [{ ...sheet, path: relation.target }] : [];
  });
  const styles = targetOf("styles");
  const strings = targetOf("sharedStrings");
  return {
    file,
    archive,
    sheets,
    is1904,
    kinds: styles === undefined || !archive.has(styles) ? [] : await readKinds(archive.read(styles, signal)),
    strings: strings === undefined || !archive.has(strings)
      ? []
      : await readStrings(archive.read(strings, signal)),
    [Symbol.dispose]: () => archive[Symbol.dispose](),
  };
}

interface Relation {
  readonly id: string;
  readonly type: string;
  /** Of the archive. */
  readonly target: string;
}

async function relationsOf(archive: Archive, path: string, signal: AbortSignal): Promise<Relation[]> {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const part = `${folder}_rels/${path.slice(folder.length)}.rels`;
  const relations: Relation[] = [];
  if (!archive.has(part)) return relations;
  await readXml(archive.read(part, signal), {
    open(name, { Id = "", Type = "", Target = "" }) {
      if (name !== "Relationship") return;
      const target = new URL(Target, `file:///${folder}`).pathname.slice(1);
      relations.push({ id: Id, type: Type, target: decodeURIComponent(target) });
    },
  });
  return relations;
}

async function readKinds(bytes: AsyncIterable<Uint8Array>): Promise<NumberKind[]> {
  const codes = new Map<number, string>();
  const kinds: NumberKind[] = [];
  let isCell = false;
  await readXml(bytes, {
    open(name, attributes) {
      if (name === "numFmt") codes.set(Number(attributes["numFmtId"]), attributes["formatCode"] ?? "");
      if (name === "cellXfs") isCell = true;
      if (name !== "xf" || !isCell) return;
      const id = Number(attributes["numFmtId"] ?? 0);
      kinds.push(numberKind(id, codes.get(id)));
    },
    close(name) {
      if (name === "cellXfs") isCell = false;
    },
  });
  return kinds;
}

async function readStrings(bytes: AsyncIterable<Uint8Array>): Promise<string[]> {
  const strings: string[] = [];
  const text = new TextCollector();
  let characters = 0;
  await readXml(bytes, {
    open: (name) => text.open(name),
    close(name) {
      text.close(name);
      if (name !== "si") return;
      const value = text.take();
      characters += value.length;
      if (characters > MAX_STRING_CHARACTERS) throw new Error("its shared texts are too large");
      strings.push(value);
    },
    text: (part) => text.text(part),
  });
  return strings;
}

/** Collects the text of `<t>` elements, without that of readings (`<rPh>`). */
export class TextCollector {
  #text = "";
  #isText = false;
  #isReading = false;

  open(name: string): void {
    if (name === "t") this.#isText = true;
    if (name === "rPh") this.#isReading = true;
  }

  close(name: string): void {
    if (name === "t") this.#isText = false;
    if (name === "rPh") this.#isReading = false;
  }

  text(part: string): void {
    if (this.#isText && !this.#isReading) this.#text += part;
  }

  /** What was collected since the last take. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text.includes("_x") ? unescapeText(text) : text;
  }
}

/** `_x0009_` is a character that XML cannot hold (ECMA-376, part 1, 22.9.2.19). */
function unescapeText(text: string): string {
  return text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function isTrue(text: string | undefined): boolean {
  return text === "1" || text === "true" || text === "on";
}

/** The sheet of that name, whether hidden or not; without a name the first that is not hidden. */
export function findSheet({ file, sheets }: Workbook, name: string | undefined): Sheet {
  const visible = sheets.filter(({ isHidden }) => !isHidden);
  const found = name === undefined ? visible[0] ?? sheets[0] : sheets.find((sheet) => sheet.name === name) ??
    sheets.find((sheet) => sheet.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const names = sheets.map((sheet) => sheet.name);
  throw new AppError(
    "invalid",
    name === undefined || names.length === 0
      ? `Cannot read "${file.shown}": it has no sheet with cells`
      : `Cannot read "${file.shown}": it has no sheet "${name}"${didYouMean(name, names)}; it has ${
        names.join(", ")
      }`,
  );
}
