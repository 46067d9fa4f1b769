import { parse } from "yaml";
import { AppError } from "../../../contract/errors.ts";
import { isObject, type JsonObject, memberOf } from "./json_value.ts";

/** A description of an API: OpenAPI 3.0 and later (https://spec.openapis.org/oas/), or Swagger 2.0, the version before. */
export interface ApiDocument {
  readonly root: JsonObject;
  /** How Swagger 2.0 says servers, parameters and answers differs. */
  readonly isSwagger: boolean;
  /** What errors call it. */
  readonly file: string;
}

/** GitHub's has 13 MB. */
const MAX_JSON_LENGTH = 64_000_000;
/** YAML takes thirty times as long: 0.4 s a megabyte. */
const MAX_YAML_LENGTH = 16_000_000;
/** What a document that shares parts by hand needs, too few for one that grows without end. */
const MAX_ALIASES = 1_000;

/** Reads JSON or YAML. Throws `invalid` for what is neither, or is no description of an API. */
export function parseApiDocument(text: string, file: string): ApiDocument {
  const fail = (why: string, cause?: unknown) =>
    new AppError("invalid", `Cannot read ${file}: ${why}`, cause === undefined ? {} : { cause });
  const isJson = /^\uFEFF?\s*\{/.test(text);
  const limit = isJson ? MAX_JSON_LENGTH : MAX_YAML_LENGTH;
  if (text.length > limit) {
    const size = (text.length / 1_000_000).toFixed(0);
    const way = isJson ? "" : "; as JSON it may have four times as much";
    throw fail(`it has ${size} MB, and ${limit / 1_000_000} MB is the most${way}`);
  }
  const root = isJson ? jsonValue(text, fail) : yamlValue(text, fail);
  if (!isObject(root)) throw fail("expected an OpenAPI document, which is an object");
  const openapi = memberOf(root, "openapi");
  const swagger = memberOf(root, "swagger");
  if (openapi === undefined && swagger === undefined) {
    throw fail("expected an OpenAPI document, which begins with openapi: 3.… or swagger: 2.0");
  }
  const version = String(openapi ?? swagger);
  if (openapi === undefined ? !/^2(\.0)?$/.test(version) : !/^3\.\d/.test(version)) {
    throw fail(`its version is ${JSON.stringify(version.slice(0, 20))}: expected OpenAPI 3.x or Swagger 2.0`);
  }
  if (!isObject(memberOf(root, "paths"))) throw fail("it has no paths, so there is nothing to read");
  return { root, isSwagger: openapi === undefined, file };
}

type Fail = (why: string, cause: unknown) => AppError;

/** By hand one may write a map of YAML in braces, but none of megabytes. */
const MAX_BRACES_LENGTH = 200_000;

function jsonValue(text: string, fail: Fail): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const why = `it is no JSON: ${reasonOf(error)}`;
    if (text.length > MAX_BRACES_LENGTH) throw fail(why, error);
    return yamlValue(text, () => fail(why, error));
  }
}

function yamlValue(text: string, fail: Fail): unknown {
  try {
    return parse(text, { maxAliasCount: MAX_ALIASES, uniqueKeys: false, merge: true, logLevel: "error" });
  } catch (error) {
    throw fail(`it is no YAML: ${reasonOf(error)}`, error);
  }
}

/** The first line of what a parser says, without the text that it stumbled on. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0]?.replace(/:$/, "") ?? "";
