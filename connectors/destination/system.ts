import type { Field, RecordBatch } from "apache-arrow";
import type { SqlRules, Statement } from "./statements.ts";
import type { LoadMode, LoadRequest } from "../../contract/connector/destination.ts";

/**
 * What a SQL database gives so that sql_load.ts can load into it: a session, a fast way into a table, a
 * catalogue and a dialect. How the modes work is written once, over these. To be called for each load;
 * throws `invalid` for a target that cannot be loaded into.
 */
export type OpenTarget<Target, Column extends TargetColumn> = (
  request: LoadRequest<Target>,
  signal: AbortSignal,
) => Promise<SqlTarget<Column>>;

/** The target of one load. Disposing of it rolls back what was not committed. */
export interface SqlTarget<Column extends TargetColumn> extends AsyncDisposable {
  /** Heads every message: `Cannot merge into orders of shop`. */
  readonly action: string;
  readonly name: RelationName;
  readonly dialect: Dialect<Column>;
  readonly session: SqlSession<Column>;
  readonly catalogue: Catalogue<Column>;
  /** Keeps another load of the same target waiting until the transaction ends. */
  lock(): Promise<void>;
  /** Makes the ledger, and its schema where there is none, by the statement `create`. */
  makeLedger(create: string): Promise<void>;
  /**
   * Where a statement that makes a table ends the transaction: the relation to create and fill, which takes the
   * new table's name with the commit. Absent where the table itself is made in the transaction.
   */
  create?(): Promise<NewTable>;
  /** What gives this user the rights on the ledger, for the message where it may not make it. */
  grantLedger?(): Promise<string>;
  /**
   * Begins to give the table other columns: returns the relation to create and fill, and what puts it
   * in the old one's place, with all that users made around it.
   */
  rebuild(): Promise<NewTable>;
  /** Moves what gives the columns numbers of its own on to those that were loaded into them, or says that it was not. */
  moveSequences?(columns: readonly string[]): Promise<void>;
  /** What failed, as an AppError that begins with `action`. */
  explain(error: unknown, columns: readonly string[]): unknown;
  /**
   * Goes on with work that nobody has to wait for, and disposes of the target behind it; the connection ends after
   * it. Absent where the target cannot outlive its load. `work` does not throw.
   */
  afterwards?(work: () => Promise<void>): void;
}

export interface NewTable {
  readonly relation: RelationName;
  finish(): Promise<void>;
}

export interface RelationName {
  /** As SQL. */
  readonly quoted: string;
  /** For messages and the ledger. */
  readonly shown: string;
  /** The ledger's table, as SQL. */
  readonly ledger: string;
}

export type Cell = string | null;

export interface SqlSession<Column extends TargetColumn> {
  /** Whether any Unicode text can be sent, so that it can be compared. */
  readonly isUnicode: boolean;
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** One statement; returns how many rows it changed. */
  run(sql: string): Promise<number>;
  /** The same for a statement that a user has written, where it is read by other settings than ours. */
  runOfUser?(sql: string): Promise<number>;
  /** A small result, its values as text. */
  rows(sql: string): Promise<readonly (readonly Cell[])[]>;
  /** Sends all batches into the columns of a relation. Throws `invalid` for a value that does not fit, with row and column. */
  send(
    relation: string,
    columns: readonly LoadColumn<Column>[],
    batches: AsyncIterable<RecordBatch>,
    signal: AbortSignal,
  ): Promise<SentRows>;
}

export interface SentRows {
  readonly sent: number;
  /** What the system says that it took. */
  readonly taken: number;
  readonly sizeBytes: number;
}

export interface TargetColumn {
  readonly name: string;
  /** The type, as in a cast. */
  readonly sql: string;
  /** NOT NULL without a default: rows must have it. */
  readonly isRequired: boolean;
  readonly isGenerated: boolean;
  /** Whether the table gives a row that has NULL there a number of its own. */
  readonly numbersNulls?: boolean;
}

export interface TargetTable<Column extends TargetColumn> {
  readonly columns: readonly Column[];
  /** The columns of each unique index that ON CONFLICT can use. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** One of them; empty where the table has no primary key that ON CONFLICT can use. */
  readonly primaryKey: readonly string[];
  /** Triggers that may leave out a row, for the message when rows are missing. */
  readonly skippingTriggers: readonly string[];
  /** The table without those that inherit from it, as SQL for UPDATE, DELETE and SELECT. */
  readonly only: string;
  readonly isPartitioned: boolean;
  /** Tables that inherit from it, and so get its columns; its partitions are none. */
  readonly heirs: readonly string[];
}

export interface Catalogue<Column extends TargetColumn> {
  /** Undefined where there is no such table. Throws `invalid` for what is not a table. */
  inspect(): Promise<TargetTable<Column> | undefined>;
  /** What deleting this table's rows would do to rows of others, as `public.lines (ON DELETE CASCADE)`. */
  dependants(): Promise<readonly string[]>;
  /** Tells the table from one of the same name that was made after it was dropped; empty where nothing does. */
  identity(): Promise<string>;
  /** By which collations the table tells the values of its key apart; undefined where a comparison of the staged values does the same. */
  collations?(key: readonly string[]): Promise<readonly string[] | undefined>;
  /** Whether the table has just the columns that loads gave it, and nothing on it that a rebuild would lose. */
  isOurs(made: readonly MadeColumn[]): Promise<boolean>;
  /** The names of the ledger's columns; empty where there is none. */
  ledgerColumns(): Promise<readonly string[]>;
}

/** A column as a load made it: name and type. */
export type MadeColumn = readonly [string, string];

/** A column of the rows and where it goes. */
export interface LoadColumn<Column extends TargetColumn> {
  readonly field: Field;
  /** As the table spells it. */
  readonly name: string;
  /** The table's; undefined for one that it does not have yet. */
  readonly target: Column | undefined;
  /** The type as which the values are sent: the table's, or one that holds them whole. */
  readonly sentSql: string;
  readonly targetSql: string;
}

/** A table of one load's own. */
export interface Stage {
  readonly relation: string;
  /** Sorts the staged rows as they came. */
  readonly place: string;
  create(definitions: string): string;
  /** Undefined where it goes with the transaction. */
  readonly drop?: string;
  readonly analyze?: string;
}

export interface Dialect<Column extends TargetColumn> {
  readonly ignoresCase: boolean;
  /** Throws `invalid` for a name that the system would change or refuse. */
  checkName(name: string): void;
  /** The type that holds the field's values whole: what new columns get. Throws `invalid` where there is none. */
  typeOf(field: Field): string;
  /** Whether the column has the type that an earlier release gave the field's values; it keeps it. */
  wasTypeOf?(field: Field, column: Column): boolean;
  /** The type as which the field's values are sent to the column: its own where nothing can be lost on the way. */
  sentAs(field: Field, column: Column): string;
  /** The staged column in the target's type. */
  cast(column: LoadColumn<Column>): string;
  /** A condition on the staged value that is true where the cast would change it. */
  isChanged(column: LoadColumn<Column>): string;
  textOf(expression: string): string;
  /** Where rows wait. */
  readonly stage: Stage;
  /** Where the keys wait whose rows are to go. */
  readonly gone: Stage;
  /** `INSERT INTO`, so that a row that a constraint refuses is an error, whatever the table says to do instead. */
  readonly insertInto: string;
  /** Between an INSERT's columns and its rows. */
  readonly overriding: string;
  /**
   * How a DELETE begins whose condition knows the rows as `t`; `only` is the table. Where it is absent, as
   * standard SQL has it.
   */
  deleteFrom?(only: string): string;
  /**
   * Whether two values of the column differ, NULL being one like any other and texts by their characters;
   * where it is absent, `IS DISTINCT FROM`.
   */
  isDistinct?(column: LoadColumn<Column>, one: string, other: string): string;
  /** A moment as a literal for a column of instants, from ISO 8601 in UTC with milliseconds. */
  momentOf?(iso: string): string;
  /** Keeps other writers away until the transaction ends. */
  lockTable?(only: string): string;
  /** Whether a column that is not sent gets its default; else the rows go by an INSERT, which gives it. */
  readonly sendsDefaults: boolean;
  /** Whether adding a column keeps readers waiting, so that it is done last. */
  readonly addsColumnsLate: boolean;
  /**
   * Whether a transaction may last for a moment only, so that all rows are staged before it, each in a statement
   * of its own. The stage, and the relations of create() and rebuild(), are then tables of just this load, and
   * the ledger `claimsLate`.
   */
  readonly stagesApart?: boolean;
  /** The CREATE TABLE of a table whose key has to be there before its rows; refuses by itself what comes twice. */
  createTable?(
    relation: RelationName,
    columns: readonly LoadColumn<Column>[],
    key: readonly LoadColumn<Column>[],
  ): string;
  /** Whether a replace of a table that loads made fills a new one each time: to delete the old rows costs more. */
  readonly replacesByNewTable?: boolean;
  /** An UPDATE of the rows `t` of a table from those of `source`, where UPDATE … FROM is not known. */
  updateFrom?(only: string, set: string, source: string, condition: string): string;
  /** Whether ON CONFLICT is not known, so that a merge updates and inserts. */
  readonly lacksUpsert?: boolean;
  /** Wraps an upsert so that its one row says how many rows it inserted and updated; undefined where that cannot be told so. */
  countingUpsert?(upsert: string, table: TargetTable<Column>): string | undefined;
  /** Statements that give a table that a load made, or merges into, its key; none where it needs none. */
  addKey(
    name: RelationName,
    key: readonly string[],
    how: { readonly mode: LoadMode; readonly isNew: boolean },
  ): readonly string[];
  /** Takes away what addKey() put on a table that loads did not make: it would refuse rows of other writers. */
  dropKey?(name: RelationName): string;
  /**
   * Whether statements that define tables end the transaction, so that in a load with users' SQL they come first,
   * and no table takes another's place.
   */
  readonly definesFirst?: boolean;
  /** How users' SQL is split into statements. */
  readonly sqlRules: SqlRules;
  /** Why a statement of a user's cannot be run in a load's transaction; undefined where it can. */
  refusesSql?(statement: Statement): string | undefined;
  /** What forgets the settings that users' SQL left on the session, when the load is committed. */
  readonly forgetSettings?: string;
  /** What tells the system's planner of a table that has changed much; run when the load is committed. */
  analyze?(name: RelationName): readonly string[];
  readonly ledger: LedgerDialect;
}

export interface LedgerDialect {
  readonly text: string;
  /** The type of the load id, where `text` can be no key. */
  readonly key?: string;
  /** How names are quoted in statements that people are asked to run, where that is not by `"`. */
  quote?(name: string): string;
  /** Whether the id is noted when all else is done, since statements in between would commit it. */
  readonly claimsLate?: boolean;
  readonly integer: string;
  readonly time: string;
  readonly now: string;
  /** The moment so many days ago. */
  daysAgo(days: number): string;
}
