import type { Connector } from "../../contract/connector/connector.ts";
import type { LoadMode } from "../../contract/connector/destination.ts";

/**
 * What a connector's own test says about its system; `conformance(fixture)` of suite.ts then registers
 * the tests that every connector passes. A whole file of such a test:
 *
 * ```ts
 * import { conformance } from "./suite.ts";
 * import { sqlite } from "../../connectors/sqlite/connector.ts";
 *
 * conformance({
 *   name: "sqlite",
 *   connector: sqlite,
 *   start: async () => { … },
 *   typeBack: (type) => type,
 *   modes: ["replace", "append", "merge"],
 * });
 * ```
 */
export interface Fixture {
  /** Begins the names of the tests. */
  readonly name: string;
  readonly connector: Connector;
  /** A system with nothing in it, for one test alone; tests run beside one another. */
  start(): Promise<RunningSystem>;
  /**
   * The DuckDB type as which a column of this type (one of CONTRACT_TYPES) comes back after it was
   * loaded and read again; undefined where the destination refuses it.
   */
  typeBack(type: string): string | undefined;
  readonly modes: readonly LoadMode[];
  /** Names that the system cannot have for a column, out of HOSTILE_NAMES. */
  readonly impossibleNames?: readonly string[];
  /** Whether the system has no infinite floating-point numbers. */
  readonly lacksInfinity?: boolean;
  /** Whether the system is a server, with `cut`. */
  readonly isCut?: boolean;
  /** A stream's own keys whose rows begin well and then fail. */
  readonly failsLate?: Readonly<Record<string, unknown>>;
}

export interface RunningSystem extends AsyncDisposable {
  /** The connectors.yaml entry without `type`, before configSchema. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Absolute; the connector's relative paths start here. */
  readonly projectDir: string;
  /** Where a load of the table goes: a target's own keys, as in a pipeline. */
  target(table: string): Readonly<Record<string, unknown>>;
  /** How the same table is read: a stream's own keys. */
  stream(table: string): Readonly<Record<string, unknown>>;
  /** The same by a query, where the source has them. */
  query?(table: string): Readonly<Record<string, unknown>>;
  /** A config that cannot be used (a wrong password, a closed port), for what its message may say. */
  readonly brokenConfig?: Readonly<Record<string, unknown>>;
  /** Ends all connections of the connector. */
  cut?(): Promise<void>;
  /** Texts in `config` or `brokenConfig` that no message may contain. */
  readonly secrets?: readonly string[];
}

/** A value of each type of contract/arrow.ts as DuckDB SQL, with the extremes that break things. */
export const CONTRACT_TYPES: Readonly<Record<string, readonly string[]>> = {
  "BOOLEAN": ["true", "false"],
  "TINYINT": ["-128", "127"],
  "SMALLINT": ["-32768", "32767"],
  "INTEGER": ["-2147483648", "2147483647"],
  "BIGINT": ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
  "UTINYINT": ["255"],
  "USMALLINT": ["65535"],
  "UINTEGER": ["4294967295"],
  "UBIGINT": ["18446744073709551615"],
  "HUGEINT": ["99999999999999999999999999999999999999", "-18446744073709551617"],
  "FLOAT": ["1.5", "-0.1"],
  "DOUBLE": ["0.1", "-1e300", "1.7976931348623157e308", "5e-324"],
  "DECIMAL(9,2)": ["1234567.89", "-0.01"],
  "DECIMAL(18,3)": ["123456789012345.678", "-0.001"],
  "DECIMAL(38,10)": ["1234567890123456789012345678.0123456789", "-0.0000000001"],
  "VARCHAR": [
    "''",
    "'plain'",
    "'ünï → 漢字 🦆'",
    "'quote '' \" ` \\'",
    "chr(10) || 'line' || chr(13)",
    "repeat('x', 100000)",
  ],
  "JSON": [`'{"a": [1, null, "x"]}'`],
  "BLOB": ["''::BLOB", "'\\x00\\xFF\\x41'::BLOB"],
  "UUID": ["'00000000-0000-0000-0000-000000000000'", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'"],
  "DATE": ["'1969-12-31'", "'2024-02-29'", "'0001-01-01'", "'9999-12-31'"],
  "TIME": ["'00:00:00'", "'23:59:59.999999'"],
  "TIMESTAMP": ["'1969-12-31 23:59:59.999999'", "'2024-02-29 12:34:56'", "'0001-01-01 00:00:00'"],
  "TIMESTAMP WITH TIME ZONE": ["'1969-12-31 23:59:59.999999+00'", "'2024-02-29 12:34:56+02'"],
  "INTEGER[]": ["[1, NULL, 3]", "[]"],
  "STRUCT(a INTEGER, b VARCHAR)": ["{'a': 1, 'b': 'x'}", "{'a': NULL, 'b': NULL}"],
};

/** Names of columns and tables that must be taken as they are. */
export const HOSTILE_NAMES = [
  'quo"te',
  "apo'strophe",
  "semi;colon -- comment",
  "select",
  "UPPER lower",
  "ünï漢字🦆",
  "new\nline",
  "{brace} $1 %s ?",
] as const;
