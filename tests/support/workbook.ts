import { Buffer } from "node:buffer";
import { ZipFile } from "yazl";

const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

export interface RawSheet {
  readonly name: string;
  /** What is inside of `<sheetData>`. */
  readonly rows: string;
  readonly state?: "hidden" | "veryHidden";
}

export interface RawWorkbook {
  readonly sheets: readonly RawSheet[];
  readonly is1904?: boolean;
  /** What is inside of `<sst>`. */
  readonly strings?: string;
  /** Formats of numbers; a cell's `s="1"` is the first. */
  readonly formats?: readonly string[];
}

/** The bytes of a workbook made of XML as the test wants it. */
export async function workbookOf(raw: RawWorkbook): Promise<Uint8Array> {
  const { sheets, is1904 = false, strings, formats = [] } = raw;
  const relations = [
    ...sheets.map((_, index) => ["worksheet", `worksheets/sheet${index + 1}.xml`]),
    ["styles", "styles.xml"],
    ...(strings === undefined ? [] : [["sharedStrings", "sharedStrings.xml"]]),
  ];
  return await archiveOf({
    "_rels/.rels": relationsOf([["officeDocument", "xl/workbook.xml"]]),
    "xl/_rels/workbook.xml.rels": relationsOf(relations),
    "xl/workbook.xml": `<workbook ${MAIN} xmlns:r="${OFFICE}"><workbookPr date1904="${
      is1904 ? 1 : 0
    }"/><sheets>${
      sheets.map(({ name, state = "visible" }, index) =>
        `<sheet name="${name}" sheetId="${index + 1}" state="${state}" r:id="rId${index + 1}"/>`
      ).join("")
    }</sheets></workbook>`,
    "xl/styles.xml": `<styleSheet ${MAIN}><numFmts>${
      formats.map((code, index) => `<numFmt numFmtId="${200 + index}" formatCode="${code}"/>`).join("")
    }</numFmts><cellXfs><xf numFmtId="0"/>${
      formats.map((_, index) => `<xf numFmtId="${200 + index}"/>`).join("")
    }</cellXfs></styleSheet>`,
    ...(strings === undefined ? {} : { "xl/sharedStrings.xml": `<sst ${MAIN}>${strings}</sst>` }),
    ...Object.fromEntries(
      sheets.map(({ rows }, index) => [
        `xl/worksheets/sheet${index + 1}.xml`,
        `<worksheet ${MAIN}><sheetData>${rows}</sheetData></worksheet>`,
      ]),
    ),
  });
}

/** The bytes of a zip archive with these files. */
export async function archiveOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Uint8Array> {
  const zip = new ZipFile();
  for (const [path, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), path);
  zip.end();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of zip.outputStream) chunks.push(Uint8Array.from(Buffer.from(chunk)));
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function relationsOf(relations: readonly (readonly string[])[]): string {
  return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${
    relations.map(([type, target], index) =>
      `<Relationship Id="rId${index + 1}" Type="${OFFICE}/${type}" Target="${target}"/>`
    ).join("")
  }</Relationships>`;
}
