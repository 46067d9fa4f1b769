import type { ApiDocument } from "./api_document.ts";
import { isObject, listOf, memberOf, textOf } from "./json_value.ts";
import { type References } from "./references.ts";
import { type Schemas, type SchemaView } from "./schemas.ts";

/** A GET of an API, as its description has it. */
export interface Operation {
  /** As `/users/{user_id}/posts`. */
  readonly path: string;
  readonly id: string | undefined;
  readonly title: string | undefined;
  readonly isDeprecated: boolean;
  readonly parameters: readonly Parameter[];
  readonly answer: Answer | { readonly reason: string };
  /** Which ways to sign in it takes, where it says so itself. */
  readonly security: readonly unknown[] | undefined;
  /** Where it is not on the document's own server. */
  readonly servers: readonly unknown[] | undefined;
  /** Its `x-…` keys. */
  readonly extensions: ReadonlyMap<string, unknown>;
}

export interface Parameter {
  readonly name: string;
  readonly place: "query" | "path" | "header" | "cookie" | "body";
  readonly isRequired: boolean;
  readonly description: string;
  readonly schema: SchemaView;
}

/** What comes back where all is well. */
export interface Answer {
  readonly schema: unknown;
  /** Names of the headers that it tells of, in lower case. */
  readonly headers: ReadonlySet<string>;
}

/** The operations that read, in their order. Throws `invalid` for a reference to another document. */
export function readOperations(
  document: ApiDocument,
  references: References,
  schemas: Schemas,
): readonly Operation[] {
  const paths = memberOf(document.root, "paths");
  return Object.entries(isObject(paths) ? paths : {}).flatMap(([path, written]) => {
    const item = references.resolve(written);
    const get = references.resolve(memberOf(item, "get"));
    if (!path.startsWith("/") || !isObject(get)) return [];
    const reader = { document, references, schemas };
    return [{
      path,
      id: textOf(memberOf(get, "operationId")),
      title: textOf(memberOf(get, "summary")) ?? textOf(memberOf(get, "description")),
      isDeprecated: memberOf(get, "deprecated") === true,
      parameters: parametersOf(reader, [
        ...listOf(memberOf(item, "parameters")),
        ...listOf(memberOf(get, "parameters")),
      ]),
      answer: answerOf(reader, get),
      security: ownList(get, "security"),
      servers: ownList(get, "servers") ?? ownList(item, "servers"),
      extensions: new Map(Object.entries(get).filter(([key]) => key.startsWith("x-"))),
    }];
  });
}

interface Reader {
  readonly document: ApiDocument;
  readonly references: References;
  readonly schemas: Schemas;
}

const ownList = (value: unknown, key: string): readonly unknown[] | undefined => {
  const list = memberOf(value, key);
  return Array.isArray(list) ? list : undefined;
};

const PLACES = ["query", "path", "header", "cookie", "body"] as const;

/** Those of the operation take the place of those of its path. */
function parametersOf(reader: Reader, written: readonly unknown[]): readonly Parameter[] {
  const found = new Map<string, Parameter>();
  for (const one of written) {
    const parameter = reader.references.resolve(one);
    const name = textOf(memberOf(parameter, "name"));
    const place = PLACES.find((known) => known === memberOf(parameter, "in"));
    if (name === undefined || place === undefined) continue;
    const schema = reader.document.isSwagger && place !== "body"
      ? parameter
      : memberOf(parameter, "schema") ?? firstSchema(memberOf(parameter, "content"));
    const view = reader.schemas.view(schema);
    found.set(`${place} ${name}`, {
      name,
      place,
      isRequired: place === "path" || memberOf(parameter, "required") === true,
      description: textOf(memberOf(parameter, "description")) ?? view.description ?? "",
      schema: view,
    });
  }
  return [...found.values()];
}

const firstSchema = (content: unknown): unknown =>
  isObject(content) ? memberOf(Object.values(content)[0], "schema") : undefined;

/** `2XX` and `default` where no status is named. */
const GOOD = ["200", "206", "201", "203", "2XX", "2xx", "default"];
const JSON_TYPE = /^(?:\*\/\*|[\w.+*-]+\/(?:\*|(?:[\w.-]+\+)?(?:x-)?json))\s*(?:;|$)/i;

function answerOf(reader: Reader, operation: unknown): Operation["answer"] {
  const { document: { isSwagger, root }, references } = reader;
  const answers = memberOf(operation, "responses");
  const status = GOOD.find((one) => memberOf(answers, one) !== undefined);
  if (status === undefined) return { reason: "the document does not say what it returns" };
  const answer = references.resolve(memberOf(answers, status));
  const headers = memberOf(answer, "headers");
  const names = new Set(Object.keys(isObject(headers) ? headers : {}).map((name) => name.toLowerCase()));
  const content = memberOf(answer, "content");
  const types = isSwagger
    ? listOf(memberOf(operation, "produces") ?? memberOf(root, "produces")).map(String)
    : Object.keys(isObject(content) ? content : {});
  const json = types.find((type) => JSON_TYPE.test(type));
  if (types.length > 0 && json === undefined) {
    return { reason: `it returns ${types.slice(0, 3).join(", ").slice(0, 100)}, not JSON` };
  }
  const schema = isSwagger ? memberOf(answer, "schema") : memberOf(memberOf(content, json ?? ""), "schema");
  if (references.resolve(schema) === undefined) {
    return { reason: "the document does not say what it returns" };
  }
  return { schema, headers: names };
}
