import { isDeepStrictEqual } from "node:util";
import { Document, isCollection, isPair, parseDocument, visit } from "yaml";
import { AppError } from "../../../contract/errors.ts";
import { parseYamlDocument } from "../../../text/yaml_document.ts";
import { CONNECTORS_FILE } from "../parse_connectors.ts";

/** What an API's definition becomes in the files of a project. */

/** A map or list that is no longer than this stands on its key's line. */
const MOST_ON_A_LINE = 80;

/** The value as YAML, whose keys down to `depth` have lines of their own. Ends with a line break. */
export function yamlText(value: unknown, depth: number): string {
  const document = new Document(value);
  visit(document, {
    Collection(_key, node, path) {
      const level = path.filter(isPair).length;
      if (level >= depth && JSON.stringify(node.toJSON()).length <= MOST_ON_A_LINE) node.flow = true;
      // What is in a flow is in it as well.
      if (path.some((above) => isCollection(above) && above.flow === true)) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/**
 * The text of connectors.yaml with one more entry at its end: what is there stays as it is written. `text` is undefined where
 * there is no file. Throws `conflict` where there is such an entry, and `invalid` with the faults of a file that cannot be read.
 */
export function withConnector(text: string | undefined, name: string, entry: unknown): string {
  const added = yamlText({ [name]: entry }, 2);
  if (text === undefined || !/^\s*[^\s#]/m.test(text)) return `${text ?? ""}${lineEnd(text ?? "")}${added}`;
  const before = mapOf(text);
  if (Object.hasOwn(before, name)) {
    throw new AppError(
      "conflict",
      `${CONNECTORS_FILE} has a connector "${name}" already: choose another name with --name`,
    );
  }
  const wanted = { ...before, [name]: entry };
  const lines = text.includes("\r\n") ? added.replaceAll("\n", "\r\n") : added;
  const appended = `${text}${lineEnd(text)}${lines}`;
  if (isDeepStrictEqual(valueOf(appended), wanted)) return appended;
  // A map in braces, or with lines behind it: its own document takes the entry.
  const document = parseDocument(text);
  document.set(name, document.createNode(entry));
  const edited = document.toString({ lineWidth: 0 });
  if (isDeepStrictEqual(valueOf(edited), wanted)) return edited;
  throw new AppError("invalid", `Cannot add the connector to ${CONNECTORS_FILE}: add it yourself`, {
    detail: added,
  });
}

const lineEnd = (text: string): string => text === "" || text.endsWith("\n") ? "" : "\n";

const valueOf = (text: string): unknown => parseYamlDocument(text, CONNECTORS_FILE).value;

function mapOf(text: string): Readonly<Record<string, unknown>> {
  const { value, faults } = parseYamlDocument(text, CONNECTORS_FILE);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new AppError("invalid", `Cannot add a connector to ${CONNECTORS_FILE}: correct it first`, { faults });
}
