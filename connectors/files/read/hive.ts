import { AppError } from "../../../contract/errors.ts";
import { nameKey, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { TypeGuess } from "../types/type_guess.ts";
import type { FileSet } from "../file_set.ts";

/** A column that folders as `day=2024-01-31` make. */
export interface HiveColumn {
  readonly name: string;
  readonly type: string;
  readonly quoted: string;
}

const NO_VALUE = "__HIVE_DEFAULT_PARTITION__";

/** The same for every file, or none. */
export function hiveColumns(set: FileSet): HiveColumn[] {
  if (set.options.hive_partitioning === false) return [];
  const guesses = new Map<string, TypeGuess>();
  const format = { decimalSeparator: ".", dateFormat: undefined, timestampFormat: undefined } as const;
  let names: string | undefined;
  for (const { path } of set.files) {
    const pairs = path.slice(set.base.length).split("/").slice(0, -1)
      .map((segment) => /^([^=]+)=(.*)$/.exec(segment)).filter((match) => match !== null);
    const key = pairs.map(([, name]) => name).join("/");
    names ??= key;
    if (key === "" || key !== names) {
      if (set.options.hive_partitioning !== true) return [];
      throw new AppError(
        "invalid",
        `Cannot read "${path}": its folders are not name=value as those of the other files`,
      );
    }
    for (const [, name = "", value = ""] of pairs) {
      const guess = guesses.get(name) ?? new TypeGuess(format);
      guesses.set(name, guess);
      if (value !== NO_VALUE) guess.observe(decodeSegment(value));
    }
  }
  return [...guesses].map(([name, guess]) => {
    const isTyped = !set.isHiveText && (guess.type === "BIGINT" || guess.type === "DATE");
    const type = isTyped ? guess.type : "VARCHAR";
    return { name, type, quoted: quoteIdentifier(name) };
  });
}

/**
 * Those of the columns that the files themselves do not have: their own values are the ones that count.
 * Throws `invalid` for one that they have where the folders were asked for.
 */
export function withoutOwn(set: FileSet, hive: readonly HiveColumn[], own: Iterable<string>): HiveColumn[] {
  const names = new Map([...own].map((name) => [nameKey(name), name]));
  const twice = hive.find(({ name }) => names.has(nameKey(name)));
  if (twice !== undefined && set.options.hive_partitioning === true) {
    throw new AppError(
      "invalid",
      `Cannot read "${set.files[0]?.shown}": its folder ${twice.name}=… has the name of its column ` +
        `"${names.get(nameKey(twice.name))}"; rename one, or set options.hive_partitioning: false`,
    );
  }
  return hive.filter(({ name }) => !names.has(nameKey(name)));
}

/** The column's text as SQL; `path` is SQL of the file's path behind the set's base. */
export function hiveText({ name }: HiveColumn, path: string): string {
  const pattern = `.*/${name.replace(/[\\^$.|?*+(){}\[\]]/g, "\\$&")}=([^/]*)/.*`;
  const value = `regexp_extract(${path}, ${quoteLiteral(pattern)}, 1)`;
  return `CASE WHEN ${value} <> '${NO_VALUE}' THEN url_decode(${value}) END`;
}

function decodeSegment(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
