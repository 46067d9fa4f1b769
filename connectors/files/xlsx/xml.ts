import { SaxesParser } from "saxes";

/** What a reader of XML wants to hear of. Names are without a prefix. */
export interface XmlHandlers {
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** No text and no tag of a workbook is so long: a cell has at most 32,767 characters. */
const MAX_CHARACTERS_WITHOUT_TAG = 64 * 1024 * 1024;

/** Parses XML that comes in pieces. Throws where it is none, or has a document type (which may define entities). */
export class XmlReader {
  readonly #parser = new SaxesParser<{ xmlns: false; position: false }>({ xmlns: false, position: false });
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #sinceTag = 0;

  constructor(handlers: XmlHandlers) {
    const local = (name: string) => name.slice(name.indexOf(":") + 1);
    this.#parser.on("opentag", ({ name, attributes }) => {
      this.#sinceTag = 0;
      handlers.open?.(local(name), attributes);
    });
    this.#parser.on("closetag", ({ name }) => {
      this.#sinceTag = 0;
      handlers.close?.(local(name));
    });
    const { text } = handlers;
    if (text !== undefined) {
      this.#parser.on("text", (part) => text.call(handlers, part));
      this.#parser.on("cdata", (part) => text.call(handlers, part));
    }
    this.#parser.on("doctype", () => {
      throw new Error("its XML has a document type");
    });
    this.#parser.on("error", (error) => {
      throw error;
    });
  }

  write(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#sinceTag += text.length;
    if (this.#sinceTag > MAX_CHARACTERS_WITHOUT_TAG) throw new Error("a text in its XML is too long");
    this.#parser.write(text);
  }

  end(): void {
    this.#parser.write(this.#decoder.decode());
    this.#parser.close();
  }
}

/** Reads all of it. */
export async function readXml(bytes: AsyncIterable<Uint8Array>, handlers: XmlHandlers): Promise<void> {
  const reader = new XmlReader(handlers);
  for await (const chunk of bytes) reader.write(chunk);
  reader.end();
}
