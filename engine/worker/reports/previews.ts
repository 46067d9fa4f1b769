import {
  PREVIEW_CELL_CHARS,
  PREVIEW_CELLS,
  PREVIEW_ROWS,
  type TablePreview,
} from "../../../contract/table.ts";
import type { Cursor } from "../../../contract/connector/source.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import type { Step } from "../../../contract/run.ts";
import { type Column, quoteIdentifier } from "../../../contract/sql.ts";
import { cellSql, cutCell } from "../../../sql/build/cell_text.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { readState } from "../../warehouse/stream_state.ts";
import type { TableLook } from "../../warehouse/models/table_facts.ts";
import type { PlannedExtract, PlannedModel } from "../plan.ts";
import { committedStream } from "./committed_stream.ts";
import { lookAtRejects } from "../rejects/look.ts";
import type { SessionLease } from "../session_pool.ts";

/** All previews of a run together take no longer; a view may be a long query. */
const BUDGET_MS = 2_000;
/** DuckDB reads some two thousand rows to give the first: of wider ones that is too much for a look. */
const MAX_ROW_BYTES = 32_768;

export interface PreviewContext {
  readonly runId: string;
  readonly lease: () => Promise<SessionLease>;
  readonly signal: AbortSignal;
  readonly send: (table: TablePreview) => void;
  readonly sendRejects: (rejects: StreamRejects) => void;
  readonly sendStream: (stream: CommittedStream) => void;
}

/**
 * Looks at what the steps of a run have written, beside the other steps and one table after the other: the
 * writer itself tells, so that no reader ever opens its file. A look never fails a step.
 */
export class Previews {
  readonly #context: PreviewContext;
  #leftMs = BUDGET_MS;
  #looking: Promise<void> = Promise.resolve();

  constructor(context: PreviewContext) {
    this.#context = context;
  }

  /** To be called when the step has committed. `seen` is what its transaction has seen of the table. */
  look(planned: PlannedExtract | PlannedModel, step: Step, seen?: TableLook): void {
    this.#looking = this.#looking.then(() => this.#look(planned, step, seen)).catch(() => {});
  }

  /** Returns when all tables were looked at. */
  async done(): Promise<void> {
    await this.#looking;
  }

  async #look(planned: PlannedExtract | PlannedModel, step: Step, seen?: TableLook): Promise<void> {
    if (this.#context.signal.aborted) return;
    if (planned.kind === "model" && seen?.rows !== undefined) {
      this.#showSeen(planned, step, { ...seen, rows: seen.rows });
      return;
    }
    await using lease = await this.#context.lease();
    const { session } = lease;
    if (planned.kind === "extract") await this.#lookAtStream(session, planned, step);
    else if (planned.model.materialized !== "ephemeral") {
      const { name } = planned.model;
      const place = { schema: "main", table: name } as const;
      await this.#lookAt(session, planned, step, place, (columns) => modelFacts(planned, columns), seen);
    }
  }

  async #lookAtStream(session: DuckSession, planned: PlannedExtract, step: Step): Promise<void> {
    const { name, stream } = planned;
    const { runId } = this.#context;
    const state = await readState(session, name);
    this.#context.sendStream(committedStream(name, state, runId, step));
    if (mayHaveRejects(stream)) this.#context.sendRejects(await lookAtRejects(session, name, runId));
    const children = childTablesOf(name, stream).map(({ table }) => table);
    for (const table of [name, ...children]) {
      const place = { schema: "raw", table } as const;
      const own = table === name ? { cursor: state.cursor, description: stream.description } : {};
      await this.#lookAt(session, planned, step, place, (columns) => rawFacts(table, columns, own));
    }
  }

  /** All rows of the table are at hand: nothing is asked of it again. */
  #showSeen(planned: PlannedModel, step: Step, { facts, columns, rows }: SmallTable): void {
    this.#context.send({
      ...modelFacts(planned, columns),
      row_count: facts.rows,
      step: step.name,
      changed_at: step.finished_at,
      run: this.#context.runId,
      rows: rows.slice(0, rowLimit(columns.length))
        .map((row) => row.map((cell) => cutCell(cell, PREVIEW_CELL_CHARS))),
      note: null,
    });
  }

  async #lookAt(
    session: DuckSession,
    planned: PlannedExtract | PlannedModel,
    step: Step,
    place: Place,
    factsOf: (columns: readonly Column[]) => Facts,
    known?: TableLook,
  ): Promise<void> {
    const startMs = performance.now();
    const timeout = AbortSignal.timeout(Math.max(1, Math.round(this.#leftMs)));
    const shown = await firstRows(session, place, step, timeout, known?.columns);
    // A stream that goes straight to its destination has no table.
    if (shown === undefined) return;
    this.#leftMs -= performance.now() - startMs;
    const { columns, rows, note } = shown;
    this.#context.send({
      ...factsOf(columns),
      row_count: known?.facts.rows ?? await rowCount(session, planned, step, place),
      step: step.name,
      changed_at: step.finished_at,
      run: this.#context.runId,
      rows,
      note,
    });
  }
}

type SmallTable = Pick<TableLook, "facts" | "columns"> & { readonly rows: NonNullable<TableLook["rows"]> };

interface Place {
  readonly schema: "main" | "raw";
  readonly table: string;
}

const relationOf = ({ schema, table }: Place): string => `${schema}.${quoteIdentifier(table)}`;

function mayHaveRejects({ max_rejects: limit, contract }: PlannedExtract["stream"]): boolean {
  return limit !== 0 || contract.columns === "discard_row" || contract.types === "discard_row";
}

interface Shown extends Pick<TablePreview, "rows" | "note"> {
  readonly columns: readonly Column[];
}

/** Undefined where there is no such table. */
async function firstRows(
  session: DuckSession,
  place: Place,
  step: Step,
  timeout: AbortSignal,
  known: readonly Column[] | undefined,
): Promise<Shown | undefined> {
  const isWide = step.kind === "extract" && (step.size_bytes ?? 0) > (step.rows ?? 0) * MAX_ROW_BYTES;
  const short = isWide ? undefined : await rowsOfTable(session, place, timeout, known);
  if (short !== undefined) return short;
  const columns = await columnsOf(session, place);
  if (columns === undefined) return undefined;
  if (isWide) return { columns, rows: [], note: "Its rows are too wide for a preview" };
  try {
    using _timeout = session.interruptOn(timeout);
    const cells = columns.map((column) => cellSql(column, PREVIEW_CELL_CHARS)).join(", ");
    const { rows } = await cellsOf(session, cells, place, columns.length);
    return { columns, rows, note: null };
  } catch {
    const note = timeout.aborted ? "Reading it took too long for a preview" : "Its rows cannot be shown";
    return { columns, rows: [], note };
  }
}

/** Names, types and rows of a table by one statement; undefined where it takes more. */
async function rowsOfTable(
  session: DuckSession,
  place: Place,
  timeout: AbortSignal,
  known: readonly Column[] | undefined,
): Promise<Shown | undefined> {
  try {
    const types = known?.map(({ type }) => type) ?? await session.columnTypes(place.schema, place.table);
    // Bytes are not shown as DuckDB casts them.
    if (types.includes("BLOB")) return undefined;
    using _timeout = session.interruptOn(timeout);
    const { columns, rows } = await cellsOf(session, ALL_CELLS, place, types.length);
    if (columns.length !== types.length) return undefined;
    return { columns: columns.map((name, i) => ({ name, type: types[i] ?? "" })), rows, note: null };
  } catch {
    // A view, nothing, or rows that take too long: what there is to say of it comes from its columns.
    return undefined;
  }
}

const ALL_CELLS = `left(CAST(COLUMNS(*) AS VARCHAR), ${PREVIEW_CELL_CHARS + 1})`;

/** `cells` is SQL that gives texts. */
async function cellsOf(session: DuckSession, cells: string, place: Place, count: number) {
  const { columns, rows } = await session.table(
    `SELECT ${cells} FROM ${relationOf(place)} LIMIT ${rowLimit(count)}`,
  );
  return { columns, rows: rows.map((row) => row.map((cell) => cutCell(cell, PREVIEW_CELL_CHARS))) };
}

/** How many rows are shown of a table with so many columns. */
const rowLimit = (columns: number): number =>
  Math.min(PREVIEW_ROWS, Math.max(1, Math.floor(PREVIEW_CELLS / columns)));

async function columnsOf(session: DuckSession, place: Place): Promise<Column[] | undefined> {
  try {
    return await session.describe(`SELECT * FROM ${relationOf(place)}`);
  } catch {
    return undefined;
  }
}

/** What is said of a table without a look at its rows. */
type Facts = Pick<TablePreview, "name" | "description" | "columns" | "cursor">;

function modelFacts(
  { model: { name, description, columns: described } }: PlannedModel,
  columns: readonly Column[],
): Facts {
  return {
    name,
    description: description ?? null,
    columns: columns.map((column) => ({
      ...column,
      description: described[column.name]?.description ?? null,
    })),
    cursor: null,
  };
}

/** A child table has neither a cursor nor a description. */
function rawFacts(
  table: string,
  columns: readonly Column[],
  { cursor, description }: {
    readonly cursor?: Cursor | undefined;
    readonly description?: string | undefined;
  },
): Facts {
  return {
    name: `raw.${table}`,
    description: description ?? null,
    columns: columns.map((column) => ({ ...column, description: null })),
    cursor: cursor === undefined
      ? null
      : { ...cursor, value: cutCell(cursor.value, PREVIEW_CELL_CHARS) ?? "" },
  };
}

/** Of a table from DuckDB's own count; a view would have to be read whole. */
async function rowCount(
  session: DuckSession,
  planned: PlannedExtract | PlannedModel,
  step: Step,
  place: Place,
): Promise<number | null> {
  if (planned.kind === "model" && planned.model.materialized === "view") return null;
  if (planned.kind === "model" && planned.model.materialized === "table") return step.rows;
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${relationOf(place)}`);
  return Number(row?.["n"] ?? 0);
}
