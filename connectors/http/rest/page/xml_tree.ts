import { SaxesParser } from "saxes";
import { AppError } from "../../../../contract/errors.ts";

/** An element of a page, as values of JSON are made of it. */
interface Element {
  readonly name: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly children: Element[];
  text: string;
}

/** As deep as a record may be nested. */
const MOST_DEPTH = 1000;

/**
 * The JSON of an XML text: an object with the root element's name as its key. An element is its text, and an object where it has
 * attributes (`@name`) or children (by their names, as a list where one of them is there several times); its own text is
 * `#text` then. One without anything is null. `lists` are the paths of elements that are lists; those that are found are added,
 * so that an element is a list in every record. Throws `invalid` for what is no XML.
 */
export function xmlToJson(bytes: Uint8Array, charset: string | undefined, lists: Set<string>): string {
  const root = parsed(textOf(bytes, charset));
  findLists(root, root.name, lists);
  return `{${JSON.stringify(root.name)}:${jsonOf(root, root.name, lists)}}`;
}

function parsed(text: string): Element {
  const parser = new SaxesParser<{ xmlns: false; position: true }>({ xmlns: false, position: true });
  const open: Element[] = [];
  let root: Element | undefined;
  parser.on("opentag", ({ name, attributes }) => {
    const element: Element = { name, attributes: dataOf(attributes), children: [], text: "" };
    const parent = open.at(-1);
    parent?.children.push(element);
    root ??= element;
    open.push(element);
    if (open.length > MOST_DEPTH) {
      throw new AppError("invalid", `its XML is nested more than ${MOST_DEPTH} deep`);
    }
  });
  parser.on("closetag", () => void open.pop());
  const add = (part: string) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += part;
  };
  parser.on("text", add);
  parser.on("cdata", add);
  parser.on("error", (error) => {
    throw new AppError("invalid", `it is no XML: ${error.message}`, { cause: error });
  });
  parser.write(text).close();
  if (root === undefined) throw new AppError("invalid", "it is no XML: it has no element");
  return root;
}

/** Without those that say what names mean. */
const dataOf = (attributes: Readonly<Record<string, string>>): Element["attributes"] =>
  Object.entries(attributes).filter(([name]) => name !== "xmlns" && !name.startsWith("xmlns:"));

function findLists(element: Element, path: string, lists: Set<string>): void {
  const seen = new Set<string>();
  for (const child of element.children) {
    const below = `${path}/${child.name}`;
    if (seen.has(child.name)) lists.add(below);
    seen.add(child.name);
    findLists(child, below, lists);
  }
}

function jsonOf({ attributes, children, text }: Element, path: string, lists: ReadonlySet<string>): string {
  if (children.length === 0 && attributes.length === 0) return text === "" ? "null" : JSON.stringify(text);
  const ownText = text.trim() === "" ? undefined : text;
  if (children.length === 0 && ownText === undefined && attributes.length === 1 && isNil(attributes[0])) {
    return "null";
  }
  const members = attributes.map(([name, value]) => `${JSON.stringify(`@${name}`)}:${JSON.stringify(value)}`);
  for (const [name, [first, ...others]] of Map.groupBy(children, ({ name }) => name)) {
    if (first === undefined) continue;
    const below = `${path}/${name}`;
    const values = [first, ...others].map((child) => jsonOf(child, below, lists)).join(",");
    members.push(`${JSON.stringify(name)}:${lists.has(below) ? `[${values}]` : values}`);
  }
  if (ownText !== undefined) members.push(`"#text":${JSON.stringify(ownText)}`);
  return `{${members.join(",")}}`;
}

/** `xsi:nil="true"`: the element has no value. */
const isNil = (attribute: Element["attributes"][number] | undefined): boolean =>
  attribute !== undefined && /:nil$/.test(attribute[0]) && /^(?:true|1)$/.test(attribute[1]);

const DECLARED = /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']/;

function textOf(bytes: Uint8Array, charset: string | undefined): string {
  const [first, second] = bytes;
  const marked = first === 0xff && second === 0xfe
    ? "utf-16le"
    : first === 0xfe && second === 0xff
    ? "utf-16be"
    : first === 0xef && second === 0xbb
    ? "utf-8"
    : undefined;
  const declared = DECLARED.exec(String.fromCharCode(...bytes.subarray(0, 200)))?.[1];
  const encoding = marked ?? charset ?? declared ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError("invalid", `its bytes are not ${encoding}`, { cause: error });
  }
}
