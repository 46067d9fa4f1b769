/** What a column of MySQL or MariaDB takes, read from its definition. */
export type ColumnType =
  | { readonly kind: "integer"; readonly min: bigint; readonly max: bigint }
  | {
    readonly kind: "decimal";
    readonly precision: number;
    readonly scale: number;
    readonly isUnsigned: boolean;
  }
  /** `scale` of FLOAT(m,d) and DOUBLE(m,d), which round to it. */
  | {
    readonly kind: "float" | "double";
    readonly scale: number | undefined;
    readonly isUnsigned: boolean;
  }
  | { readonly kind: "bit"; readonly bits: number }
  | { readonly kind: "year" }
  | {
    readonly kind: "text";
    readonly charset: string;
    /** CHAR loses blanks at its end. */
    readonly isChar: boolean;
    readonly maxCharacters: number | undefined;
    readonly maxBytes: number | undefined;
    /** Whether the table checks that it is JSON: what MariaDB makes of that type. */
    readonly isJson: boolean;
  }
  | { readonly kind: "enum" | "set"; readonly members: readonly string[] }
  /** BINARY is filled up with zeros: `isFixed`. */
  | { readonly kind: "bytes"; readonly maxBytes: number; readonly isFixed: boolean }
  | { readonly kind: "date" }
  /** `digits` of a second that it keeps. */
  | { readonly kind: "time"; readonly digits: number }
  | { readonly kind: "datetime"; readonly digits: number }
  | { readonly kind: "timestamp"; readonly digits: number }
  /** MySQL's own JSON, which keeps values and not their text. */
  | { readonly kind: "json" }
  | { readonly kind: "uuid" }
  | { readonly kind: "inet" }
  /** Spatial, vectors, and what is newer than this release. */
  | { readonly kind: "unknown" };

/** Of TINYTEXT, TINYBLOB and so on. */
const MAX_BYTES: Readonly<Record<string, number>> = {
  tiny: 255,
  "": 65_535,
  medium: 16_777_215,
  long: 4_294_967_295,
};

const INTEGER_BITS: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  bigint: 64,
};

/** `definition` as SHOW COLUMNS has it (`int(11) unsigned`); `collation` is empty where the column has none. */
export function parseColumnType(definition: string, collation: string): ColumnType {
  const [, name = "", parameters = ""] = /^([a-z0-9_]+)(?:\s*\((.*)\))?/is.exec(definition) ?? [];
  const isUnsigned = / unsigned\b/i.test(definition);
  const word = name.toLowerCase();
  const bits = INTEGER_BITS[word];
  if (bits !== undefined) return integerType(bits, isUnsigned);
  if (word === "enum" || word === "set") return { kind: word, members: membersOf(parameters) };
  const [first = "", second = ""] = parameters.split(",");
  switch (word) {
    case "decimal":
      return { kind: "decimal", precision: Number(first || 10), scale: Number(second || 0), isUnsigned };
    case "float":
    case "double":
      return { kind: word, scale: second === "" ? undefined : Number(second), isUnsigned };
    case "bit":
      return { kind: "bit", bits: Number(first || 1) };
    case "year":
    case "date":
    case "json":
    case "uuid":
      return { kind: word };
    case "inet4":
    case "inet6":
      return { kind: "inet" };
    case "time":
    case "datetime":
    case "timestamp":
      return { kind: word, digits: Number(first || 0) };
    case "char":
    case "varchar":
      return {
        kind: "text",
        charset: charsetOf(collation),
        isChar: word === "char",
        maxCharacters: Number(first || 1),
        maxBytes: undefined,
        isJson: false,
      };
    case "binary":
    case "varbinary":
      return { kind: "bytes", maxBytes: Number(first || 1), isFixed: word === "binary" };
  }
  return bigType(word, collation);
}

function bigType(word: string, collation: string): ColumnType {
  const [, size = "", kind] = /^(tiny|medium|long)?(text|blob)$/.exec(word) ?? [];
  const maxBytes = MAX_BYTES[size] ?? 0;
  if (kind === "blob") return { kind: "bytes", maxBytes, isFixed: false };
  if (kind === undefined) return { kind: "unknown" };
  return {
    kind: "text",
    charset: charsetOf(collation),
    isChar: false,
    maxCharacters: undefined,
    maxBytes,
    isJson: false,
  };
}

function integerType(bits: number, isUnsigned: boolean): ColumnType {
  const span = 1n << BigInt(bits);
  return isUnsigned
    ? { kind: "integer", min: 0n, max: span - 1n }
    : { kind: "integer", min: -span / 2n, max: span / 2n - 1n };
}

/** A collation begins with the name of its character set. */
export const charsetOf = (collation: string): string => collation.split("_")[0]?.toLowerCase() ?? "";

/** `'a','it''s'` → its members. */
function membersOf(list: string): string[] {
  return [...list.matchAll(/'((?:[^']|'')*)'/g)].map(([, member = ""]) => member.replaceAll("''", "'"));
}
