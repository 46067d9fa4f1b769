import type { RevisionFile } from "../../contract/revision.ts";
import type { SourcePlace } from "../../text/fault.ts";
import { parseYamlDocument, type YamlDocument } from "../../text/yaml_document.ts";
import { headerSlip } from "./header_slip.ts";
import { placeAt } from "./position.ts";
import { scanSql } from "./scan_sql.ts";

/** Where a model's header stands in its file: UTF-16 units from 0. */
export interface HeaderRange {
  /** Where the comment begins. */
  readonly start: number;
  readonly yamlStart: number;
  readonly yamlEnd: number;
}

export type Fail = (place: SourcePlace, message: string) => void;

const HEADER_START = /^\/\*\s*@sluice(?=\s|\*\/|$)/;

/** The header of a file; `fail` is called for what is wrong around it. */
export function findHeader(file: RevisionFile, fail: Fail): HeaderRange | undefined {
  const sql = file.content;
  const at = (offset: number) => placeAt(sql, offset, file.path);
  const nul = sql.indexOf("\0");
  if (nul !== -1) fail(at(nul), "a NUL character cannot stand in SQL");

  let header: HeaderRange | undefined;
  let isBeforeSql = true;
  for (const { kind, start, end } of scanSql(sql)) {
    if (kind !== "comment") {
      if (kind !== "space") isBeforeSql = false;
      continue;
    }
    const comment = sql.slice(start, end);
    const opening = HEADER_START.exec(comment);
    if (opening === null) {
      const slip = headerSlip(comment, isBeforeSql && header === undefined);
      if (slip !== undefined) fail(at(start), slip);
    } else if (!isBeforeSql) {
      fail(at(start), "the header must stand before the SQL");
    } else if (header !== undefined) {
      fail(at(start), "this is a second header: a model has one");
    } else {
      const nested = comment.indexOf("/*", 2);
      if (nested !== -1 || !comment.endsWith("*/")) {
        // What was meant as SQL lies in the comment: nothing more can be said of the file.
        fail(
          at(start + Math.max(nested, 0)),
          nested === -1
            ? "the header has no closing */"
            : "/* inside the header begins a comment in the comment",
        );
        return undefined;
      }
      header = { start, yamlStart: start + opening[0].length, yamlEnd: end - 2 };
    }
  }
  if (isBeforeSql) fail(at(sql.length), "the file has no SQL: expected one SELECT");
  return header;
}

/**
 * The YAML with blanks for everything before it, so that its lines and columns are the file's.
 * `undefined` for a header that says nothing.
 */
export function readHeader(file: RevisionFile, header: HeaderRange): YamlDocument | undefined {
  const yaml = file.content.slice(header.yamlStart, header.yamlEnd);
  if (yaml.split(/\r\n?|\n/).every((line) => /^\s*(?:#.*)?$/.test(line))) return undefined;
  const before = file.content.slice(0, header.yamlStart).replace(/[^\r\n]/g, " ");
  return parseYamlDocument(before + yaml, file.path);
}
