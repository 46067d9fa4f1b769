import * as v from "valibot";
import { tableCheckSchema } from "../checks/schema.ts";
import { isWildcard } from "./wildcard.ts";
import { stepSettingsSchema } from "./retry.ts";
import { columns, connectorName, duration, options, rowLimit, text } from "./words.ts";

const CONTRACT_MODES = ["evolve", "freeze", "discard_row", "discard_value"] as const;

const contractSchema = v.pipe(
  v.strictObject({
    columns: v.optional(
      v.pipe(
        v.picklist(CONTRACT_MODES),
        v.description(
          "evolve: new columns are added, missing ones stay NULL. freeze: any other set of columns fails the run. discard_row: rows with a value in a new column are kept aside. discard_value: new columns are left out.",
        ),
      ),
      "evolve",
    ),
    tables: v.optional(
      v.pipe(
        v.picklist(CONTRACT_MODES),
        v.description(
          "Of a wildcard as public.*: evolve: new tables are read. freeze: they fail the run. discard_row, discard_value: they are left out, with a warning.",
        ),
      ),
      "evolve",
    ),
    types: v.optional(
      v.pipe(
        v.picklist(CONTRACT_MODES),
        v.description(
          "evolve: a column takes the type that holds every value exactly, old and new; in doubt text. freeze: a changed type fails the run. discard_row: rows with a value that the type does not hold are kept aside. discard_value: such values become NULL.",
        ),
      ),
      "evolve",
    ),
  }),
  v.description("What may change in the source's columns between runs of an incremental or append stream."),
);

const EXTRACT_MODES = ["full", "incremental", "append", "cdc"] as const;

/** How the values of a column are hidden before they are stored. */
const MASKS = ["hash", "redact", "null", "last4"] as const;
export type Mask = (typeof MASKS)[number];

const partitionSchema = v.pipe(
  v.strictObject({
    column: v.pipe(text, v.description("A number, date or time that tells rows apart, as id.")),
    size: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.description("About how many rows a part has.")),
      1_000_000,
    ),
  }),
  v.description("Read in parts: several side by side, each committed by itself; only where the source can."),
);

function hasOwnNames(checks: readonly { readonly name?: string | undefined }[]): boolean {
  const names = checks.flatMap(({ name }) => name === undefined ? [] : [name.toLowerCase()]);
  return new Set(names).size === names.length;
}

/** What all streams have; the rest (an address, as `stream`, `query` or `path`) is their connector's. */
export const streamSchema = v.pipe(
  v.objectWithRest({
    connector: v.pipe(
      connectorName,
      v.description("The connector to read from, by its name in connectors.yaml."),
    ),
    mode: v.optional(
      v.pipe(
        v.picklist(EXTRACT_MODES),
        v.description(
          "full: the table is replaced. incremental: rows new since the last run are merged by primary_key. append: rows are added. cdc: changes are followed in the system's own log, deletes among them.",
        ),
      ),
      "full",
    ),
    primary_key: v.optional(v.pipe(columns, v.description("The columns that identify a row."))),
    step: v.optional(
      v.pipe(stepSettingsSchema, v.description("How its step is tried again, and how long it may take.")),
    ),
    update_key: v.optional(
      v.pipe(
        text,
        v.description(
          "A column that only grows when a row changes, as updated_at; the cursor is its greatest value.",
        ),
      ),
    ),
    lag: v.optional(
      v.pipe(
        v.union([duration, v.pipe(v.number(), v.gtValue(0))], "expected a duration such as 1h, or a number"),
        v.description(
          "How far before the cursor each read begins again, for rows that are committed late: a duration such as 1h where update_key is a date or time, a number where it is one.",
        ),
      ),
    ),
    history: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "mode cdc: every change is kept as a row of its own, with what was done, where in the log, and when.",
        ),
      ),
      false,
    ),
    contract: v.optional(contractSchema, {}),
    columns: v.optional(v.pipe(columns, v.description("The columns to read, and no others."))),
    exclude: v.optional(v.pipe(columns, v.description("Columns that are not read."))),
    rename: v.optional(
      v.pipe(
        v.record(text, text),
        v.description(
          "Columns that are stored under another name, as {OrderNo: order_id}. primary_key and update_key use the new names; columns, exclude, where, mask, partition and options those of the source.",
        ),
      ),
      {},
    ),
    child_tables: v.optional(
      v.pipe(
        columns,
        v.description(
          "Arrays that become raw tables of their own, as lines or customer.addresses: <stream>__<path>, a row an element, with the parent's primary_key and the element's position. Stored names.",
        ),
      ),
    ),
    except: v.optional(
      v.pipe(
        columns,
        v.description("Of a wildcard as public.*: tables that are left out, as audit_* or public.audit_*."),
      ),
    ),
    where: v.optional(
      v.pipe(
        text,
        v.description("Which rows to read: a condition in the source's own SQL, in DuckDB's for files."),
      ),
    ),
    mask: v.optional(
      v.pipe(
        v.record(text, v.picklist(MASKS)),
        v.description(
          "Columns whose values are hidden before they are stored: hash (HMAC-SHA-256 with the connector's mask_salt), redact, null, last4.",
        ),
      ),
      {},
    ),
    pii: v.optional(
      v.pipe(
        columns,
        v.description(
          "Columns with personal data, by the source's names: lineage carries the mark along, and rules in project.yaml say where it may go.",
        ),
      ),
    ),
    partition: v.optional(partitionSchema),
    enabled: v.optional(
      v.pipe(
        v.boolean(),
        v.description("false: no run reads it, and its raw table stays as the last read left it."),
      ),
    ),
    store: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          "false: the warehouse keeps no table of it; the rows go straight to the one load that takes them, while they are read.",
        ),
      ),
      true,
    ),
    deletes: v.optional(
      v.pipe(
        v.picklist(["ignore", "soft", "hard"]),
        v.description(
          "What becomes of rows that are gone at the source: ignore leaves them. soft marks them in _sluice_deleted_at. hard removes them. Each run reads all keys of the source for it.",
        ),
      ),
      "ignore",
    ),
    max_deletes: v.optional(
      v.pipe(
        rowLimit("50%"),
        v.description(
          "How many rows, or which share of them as 50%, may be gone in one run; more fails the step before any is deleted. 10% by default, or 10 rows, and never all.",
        ),
      ),
    ),
    max_rejects: v.optional(
      v.pipe(
        rowLimit("1%"),
        v.description(
          "How many rows that do not fit, or which share of all as 1%, are kept aside in _sluice.rejects before the step fails; of CSV, JSON and sqlite.",
        ),
      ),
      0,
    ),
    options: v.optional(v.pipe(options, v.description("Settings of the connector for this stream.")), {}),
    checks: v.optional(
      v.pipe(
        v.array(tableCheckSchema),
        v.check((checks) => hasOwnNames(checks), "two of its checks have the same name"),
        v.description("What must be true of its raw table, before anything reads it."),
      ),
    ),
    description: v.optional(v.pipe(v.string(), v.description("What it holds, for the page."))),
    tags: v.optional(v.pipe(v.array(text), v.description("Words to select it by, as tag:daily.")), []),
  }, v.unknown()),
  v.check(
    (s) =>
      s.mode !== "incremental" ||
      (s.primary_key !== undefined || isWildcard(s)) && s.update_key !== undefined,
    "mode incremental needs primary_key and update_key (use append for a stream without a key)",
  ),
  v.check((s) => !s.history || s.mode === "cdc", "history needs mode cdc"),
  v.check(
    (s) =>
      s.mode !== "cdc" ||
      [s.update_key, s.where, s.partition].every((key) => key === undefined) && s.max_rejects === 0,
    "mode cdc follows all rows of a table: leave out update_key, where, partition and max_rejects",
  ),
  v.check(
    ({ mode, contract }) =>
      mode !== "cdc" || [contract.columns, contract.types].every((of) => of === "evolve" || of === "freeze"),
    "mode cdc keeps every change: its contract is evolve or freeze",
  ),
  v.check(
    ({ store, mode, partition, max_rejects: limit, contract }) =>
      store ||
      mode === "full" && partition === undefined && limit === 0 &&
        [contract.columns, contract.types].every((of) => of === "evolve"),
    "store: false keeps nothing: it needs mode full, without partition, max_rejects and a contract of columns or types",
  ),
  v.check(
    (s) => s.store || s.checks === undefined,
    "checks look at the raw table, which store: false leaves out",
  ),
  v.check(
    (s) => s.except === undefined || isWildcard(s),
    "except needs a wildcard, as stream: public.*",
  ),
  v.check(
    (s) => s.child_tables === undefined || s.primary_key !== undefined,
    "child_tables needs primary_key, by which the rows of a child table name their parent",
  ),
  v.check(
    (s) => s.child_tables === undefined || s.mode !== "cdc" && s.store && !isWildcard(s),
    "child_tables goes with mode full, incremental and append, of one stream that is stored",
  ),
  v.check(
    ({ deletes, mode }) => deletes === "ignore" || mode === "incremental",
    "deletes needs mode incremental, whose primary_key tells rows apart",
  ),
  v.check(
    ({ deletes, max_deletes: limit }) => limit === undefined || deletes !== "ignore",
    "max_deletes needs deletes: soft or hard",
  ),
  v.check(
    (s) => s.lag === undefined || (s.update_key !== undefined && s.mode !== "full"),
    "lag needs an update_key, and a mode that keeps rows (incremental or append)",
  ),
  v.check(
    (s) => s.columns === undefined || s.exclude === undefined,
    "columns and exclude cannot stand together: one of them says it all",
  ),
);

export type StreamDefinition = v.InferOutput<typeof streamSchema>;
