import { AppError } from "../../../contract/errors.ts";
import { isSameName } from "../../../contract/sql.ts";
import type { FileSet } from "../file_set.ts";
import { exactCast } from "../../text_cast/exact_cast.ts";
import type { ValueFormat } from "../../text_cast/value_format.ts";
import { hiveColumns, hiveText, withoutOwn } from "./hive.ts";

/** A column beside those of the files, made of the file's path. */
export interface PathColumn {
  readonly name: string;
  readonly type: string;
  /** Its text as SQL; `localPath` is SQL of the file's own. */
  text(localPath: string): string;
  /** Its value as SQL; `text` is SQL of the text. */
  value(text: string): string;
}

/**
 * The columns of folders as `day=2024-01-31`, and the file's name. `own` are the columns of the files; the
 * labels of casts go on behind theirs. Throws `invalid` for a name that is taken.
 */
export function pathColumns(set: FileSet, own: readonly string[], format: ValueFormat): PathColumn[] {
  const { options } = set;
  const hive = withoutOwn(set, hiveColumns(set), own).map((column, index): PathColumn => {
    const given = Object.entries(options.columns).find(([key]) => isSameName(key, column.name))?.[1];
    const type = given ?? column.type;
    return {
      name: column.name,
      type,
      text: (localPath) =>
        hiveText(column, `substring(${set.pathSql(localPath)}, ${[...set.base].length + 1})`),
      value: (text) =>
        exactCast({ text, label: own.length + index, type, isGiven: given !== undefined }, format),
    };
  });
  if (!options.filename) return hive;
  if (own.some((name) => isSameName(name, "filename"))) {
    throw new AppError(
      "invalid",
      `Cannot read "${
        set.files[0]?.shown
      }": it has a column "filename" of its own; leave out options.filename`,
    );
  }
  const prefix = set.root.endsWith("/") ? set.root : `${set.root}/`;
  const isUnderRoot = set.files.every(({ path }) => path.startsWith(prefix));
  return [...hive, {
    name: "filename",
    type: "VARCHAR",
    // The path as in messages: without the root.
    text: (localPath) => {
      const path = set.pathSql(localPath);
      return isUnderRoot ? `substring(${path}, ${[...prefix].length + 1})` : path;
    },
    value: (text) => text,
  }];
}
