import type { Dict } from "../project/read_project.ts";
import type { Value } from "../jinja/values.ts";

/** A column of a table, as templates ask for it. */
export interface KnownColumn {
  readonly name: string;
  /** As the database writes it; undefined where nobody says. */
  readonly type: string | undefined;
}

/** A table that `ref()` or `source()` means. */
export interface KnownTable {
  /** Its name in SQL: `orders` of a model or seed, `raw.orders` of a stream. */
  readonly sql: string;
  /** The stream's or the model's own name. */
  readonly name: string;
  readonly isStream: boolean;
  /** What dbt calls its schema and the table in it. */
  readonly schema: string;
  readonly identifier: string;
  /** The column with the time of its rows, where its settings name one. */
  readonly eventTime?: string | undefined;
}

/** What a template can know of the tables of the project. */
export interface Tables {
  /** A model, seed or snapshot; undefined where there is none. */
  reference(name: string, version: string | undefined): KnownTable | undefined;
  /** The table of a source; undefined where no YAML file describes it. */
  source(source: string, table: string): KnownTable | undefined;
  /** What has this name in dbt's database; undefined where nothing has. */
  find(schema: string | undefined, identifier: string): KnownTable | undefined;
  /** Undefined where nothing says them. */
  columns(sql: string): readonly KnownColumn[] | undefined;
}

/** What a query gave when the import asked it. */
export interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** As DuckDB writes them; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Queries of templates, and what is known of their rows. */
export interface Queries {
  /** Undefined where nobody has asked it yet, or it cannot be. */
  answer(sql: string): Answer | undefined;
}

export interface Rendering {
  /** In findings. */
  readonly file: string;
  readonly text: string;
  /** The package that it is of; undefined: the project. */
  readonly package?: string;
  /** The model's own name. */
  readonly name: string;
  readonly settings: Dict;
  readonly isIncremental: boolean;
  /** Whether tables are read by the batch: those that have a column with the time of their rows. */
  readonly isBatch?: boolean;
  /** Names in SQL that a WITH of this text has as well: the table is named with its schema then. */
  readonly taken: (name: string) => boolean;
}

export interface Rendered {
  readonly sql: string;
  /** What `config()` was given. */
  readonly config: Dict;
  readonly sources: ReadonlySet<string>;
  readonly references: ReadonlySet<string>;
  /** Names of those of them of which only the rows of a batch are read. */
  readonly batched: ReadonlySet<string>;
}

/** Marks in rendered text, which no SQL has. */
export const MARKS = {
  variable: ["\uE000", "\uE001", "\uE002"],
  branch: ["\uE010", "\uE011"],
  self: "\uE020",
  /** Around the format of the run's time; without one it is the time itself. */
  runStart: ["\uE030", "\uE031"],
  /** Around `*` and the columns that it stands for, as far as they are known. */
  star: ["\uE050", "\uE051", "\uE052"],
  /** Around a subquery. */
  query: ["\uE040", "\uE041"],
} as const;

/** What is rendered now, and what it has used so far. */
export interface RenderingState {
  current: Rendering | undefined;
  sources: Set<string>;
  references: Set<string>;
  config: Map<string, Value>;
  /** Tables of which only the batch is read. */
  batched: Set<string>;
  /** Queries that dbt runs while it compiles, of whose rows nothing is known. */
  queries: Set<string>;
}

export const emptyState = (): RenderingState => ({
  current: undefined,
  sources: new Set(),
  references: new Set(),
  config: new Map(),
  batched: new Set(),
  queries: new Set(),
});
