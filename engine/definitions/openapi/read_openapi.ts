import { AppError } from "../../../contract/errors.ts";
import type { ApiDefinition } from "../apis/api_definition.ts";
import { type ApiDocument, parseApiDocument } from "./api_document.ts";
import { isElsewhere, readBaseUrl } from "./base_url.ts";
import { firstLine, memberOf, textOf } from "./json_value.ts";
import { type Operation, readOperations } from "./operations.ts";
import { hasPages } from "./page_words.ts";
import { ListPaths, type NamedList, PathPlaces } from "./path_places.ts";
import { findRecords } from "./record_list.ts";
import { References } from "./references.ts";
import { Schemas } from "./schemas.ts";
import { withSecretParameters } from "./secret_parameters.ts";
import { readSignIn, type SignIn } from "./sign_in.ts";
import { connectorName, nameStreams } from "./stream_names.ts";
import { type OpenApiStream, streamOf } from "./streams.ts";

/** What an OpenAPI document tells of an API, and what it does not. */
export interface OpenApiReading {
  /** Of the connector. */
  readonly name: string;
  readonly api: ApiDefinition;
  /** What of the connector was guessed, or is left to the user. */
  readonly notes: readonly string[];
  /** The same of each stream that has any. */
  readonly streamNotes: Readonly<Record<string, readonly string[]>>;
  /** Names of the values without which a stream cannot be read; of none, it is not in it. */
  readonly needs: Readonly<Record<string, readonly string[]>>;
  /** What is read by GET and makes no stream. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

export interface OpenApiRequest {
  /** What errors call the document. */
  readonly file: string;
  /** Of the connector, after which its secrets are named; by default one that is made of the file's or the API's. */
  readonly name: string | undefined;
  /** In the place of the document's server. */
  readonly baseUrl: string | undefined;
}

/**
 * Makes a definition of an OpenAPI 3 or Swagger 2.0 document: its GETs that return lists become streams, with what can be told
 * of pages, keys, changes and parents. Throws `invalid` for a document that cannot be read, refers to others, names no server
 * (and `baseUrl` neither), or has no lists.
 */
export function readOpenApi(text: string, { file, name: given, baseUrl }: OpenApiRequest): OpenApiReading {
  const document = parseApiDocument(text, file);
  const name = given ?? connectorName(file, titleOf(document));
  const references = new References(document);
  const schemas = new Schemas(references);
  const base = readBaseUrl(document, baseUrl);
  const operations = readOperations(document, references, schemas);
  const { lists, leftOut } = listsOf(operations, schemas, { document, base: base.url });
  if (lists.length === 0) throw nothingToRead(document, leftOut);
  const places = new PathPlaces(lists, schemas);
  // A child may ask its parent for more columns: all paths are filled before the first stream is made.
  for (const list of lists) places.fill(list);
  const streams = lists.map((list) => streamOf(list, places, schemas));
  const signIn = withSecretParameters(
    readSignIn(document, references, lists.map(({ operation }) => operation), {
      connector: name,
      base: base.url,
    }),
    streams.flatMap((stream) => stream.secretParameters),
    name,
  );
  const missing = references.missing;
  return {
    name,
    api: definitionOf(document, base.url, signIn, streams),
    notes: [
      ...base.notes,
      ...signIn.notes,
      ...(missing.length === 0 ? [] : [
        `${missing.length} of the document's references lead nowhere: ${
          missing.slice(0, 3).map(firstLine).join(", ")
        }`,
      ]),
    ],
    streamNotes: Object.fromEntries(
      streams.map((stream, at) =>
        [stream.name, [...stream.notes, ...signInNotes(lists[at], signIn)]] as const
      )
        .filter(([, notes]) => notes.length > 0),
    ),
    needs: neededBy(streams),
    leftOut,
  };
}

/** The values of each stream, and of those that it is a child of. */
function neededBy(streams: readonly OpenApiStream[]): Readonly<Record<string, readonly string[]>> {
  const byName = new Map(streams.map((stream) => [stream.name, stream]));
  const valuesOf = (stream: OpenApiStream | undefined): readonly string[] =>
    stream === undefined
      ? []
      : [...valuesOf(byName.get(stream.parent ?? "")), ...stream.values.map((value) => value.name)];
  return Object.fromEntries(
    streams.map((stream) => [stream.name, [...new Set(valuesOf(stream))]] as const).filter(([, values]) =>
      values.length > 0
    ),
  );
}

interface Place {
  readonly document: ApiDocument;
  readonly base: URL;
}

function listsOf(operations: readonly Operation[], schemas: Schemas, at: Place) {
  const found: Omit<NamedList, "name">[] = [];
  const leftOut: LeftOut[] = [];
  for (const operation of operations) {
    const list = listOfOperation(operation, schemas, at);
    if ("reason" in list) leftOut.push({ path: operation.path, reason: list.reason });
    else found.push({ operation, list });
  }
  const paths = new ListPaths(found.map(({ operation }) => operation.path));
  const whole = found.filter(({ operation, list }) => {
    // One record comes in a list as well where an API answers all in one form; it has no pages.
    const isOne = list.path.length > 0 && paths.of(operation.path) !== undefined && !hasPages(operation);
    if (isOne) leftOut.push({ path: operation.path, reason: "it returns a record of another list" });
    return !isOne;
  });
  const names = nameStreams(whole.map(({ operation: { path, id } }) => ({ path, operationId: id })));
  const lists = whole.map((one, at): NamedList => ({ ...one, name: names[at] ?? "" }));
  return { lists, leftOut };
}

function listOfOperation(operation: Operation, schemas: Schemas, at: Place) {
  const { isDeprecated, servers, answer, path, parameters } = operation;
  if (isDeprecated) return { reason: "it is deprecated" };
  if (isElsewhere(servers, at)) return { reason: "it is on another server" };
  if (parameters.some(({ place, isRequired }) => place === "body" && isRequired)) {
    return { reason: "it is a GET that needs a body" };
  }
  return "reason" in answer ? answer : findRecords(answer, path, schemas);
}

function nothingToRead({ file }: ApiDocument, leftOut: readonly LeftOut[]): AppError {
  const detail = leftOut.slice(0, 20).map(({ path, reason }) => `  ${firstLine(path)}: ${reason}`).join("\n");
  return new AppError(
    "invalid",
    `${file} has no GET that returns a list of records, so there is no stream to make of it`,
    detail === "" ? {} : { detail },
  );
}

/** What of a stream's own sign-in the connector does not give. */
function signInNotes(list: NamedList | undefined, { schemes }: SignIn): readonly string[] {
  const own = list?.operation.security;
  if (own === undefined || own.length === 0) return [];
  const names = own.map((requirement) => Object.keys(Object(requirement)));
  if (names.some((one) => one.every((name) => schemes.has(name)))) return [];
  return [
    `it signs in by ${names.map((one) => firstLine(one.join(" and "))).join(" or ")}, unlike the connector`,
  ];
}

function definitionOf(
  document: ApiDocument,
  base: URL,
  { auth, headers, secrets }: SignIn,
  streams: readonly OpenApiStream[],
): ApiDefinition {
  const info = memberOf(document.root, "info");
  const version = firstLine(String(memberOf(info, "version") ?? "")).slice(0, 40);
  const values = new Map(streams.flatMap((stream) => stream.values).map((value) => [value.name, value]));
  return {
    title: withoutPlaces(titleOf(document)),
    description: withoutPlaces(`from its OpenAPI document${version === "" ? "" : `, version ${version}`}`),
    values: Object.fromEntries(
      [...values].map(([name, { description, example }]) => [name, { description, example, list: false }]),
    ),
    secrets: Object.fromEntries(
      Object.entries(secrets).map(([name, description]) => [name, { description }]),
    ),
    connector: {
      type: "http",
      base_url: base.href.replace(/\/$/, "").replaceAll("${", () => "$${"),
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      ...(auth === undefined ? {} : { auth }),
    },
    streams: Object.fromEntries(streams.map(({ name, definition }) => [name, definition])),
  };
}

const titleOf = ({ root }: ApiDocument): string =>
  firstLine(textOf(memberOf(memberOf(root, "info"), "title")) ?? "") || "API";

const withoutPlaces = (text: string): string => text.replace(/\{(?=\s*values\.)/g, "(");
