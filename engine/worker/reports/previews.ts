import {
  PREVIEW_CELL_CHARS,
  PREVIEW_CELLS,
  PREVIEW_ROWS,
  type TablePreview,
} from "../../../contract/table.ts";
import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import type { StreamRejects } from "../../../contract/rejects.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import type { Step } from "../../../contract/run.ts";
import { type Column, quoteIdentifier } from "../../../contract/sql.ts";
import { cellSql, cutCell } from "../../../sql/build/cell_text.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { rawTable } from "../../warehouse/raw_table.ts";
import { readState } from "../../warehouse/stream_state.ts";
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

  /** To be called when the step has committed. */
  look(planned: PlannedExtract | PlannedModel, step: Step): void {
    this.#looking = this.#looking.then(() => this.#look(planned, step)).catch(() => {});
  }

  /** Returns when all tables were looked at. */
  async done(): Promise<void> {
    await this.#looking;
  }

  async #look(planned: PlannedExtract | PlannedModel, step: Step): Promise<void> {
    if (this.#context.signal.aborted) return;
    await using lease = await this.#context.lease();
    const { session } = lease;
    if (planned.kind === "extract") {
      this.#context.sendStream(await committedStream(session, planned.name, this.#context.runId, step));
    }
    if (planned.kind === "extract" && mayHaveRejects(planned.stream)) {
      this.#context.sendRejects(await lookAtRejects(session, planned.name, this.#context.runId));
    }
    if (planned.kind === "model" && planned.model.materialized === "ephemeral") return;
    if (planned.kind === "model") {
      await this.#lookAt(session, planned, step, quoteIdentifier(planned.model.name), planned.model.name);
      return;
    }
    const children = childTablesOf(planned.name, planned.stream).map(({ table }) => table);
    for (const table of [planned.name, ...children]) {
      await this.#lookAt(session, planned, step, rawTable(table), `raw.${table}`);
    }
  }

  /** `name` is what people call it. */
  async #lookAt(
    session: DuckSession,
    planned: PlannedExtract | PlannedModel,
    step: Step,
    relation: string,
    name: string,
  ): Promise<void> {
    const columns = await columnsOf(session, relation);
    // A stream that goes straight to its destination has no table.
    if (columns === undefined) return;
    const startMs = performance.now();
    const timeout = AbortSignal.timeout(Math.max(1, Math.round(this.#leftMs)));
    const { rows, note } = await firstRows(session, relation, columns, step, timeout);
    this.#leftMs -= performance.now() - startMs;
    this.#context.send({
      ...await factsOf(session, planned, name, columns),
      row_count: await rowCount(session, planned, step, relation),
      step: step.name,
      changed_at: step.finished_at,
      run: this.#context.runId,
      rows,
      note,
    });
  }
}

function mayHaveRejects({ max_rejects: limit, contract }: PlannedExtract["stream"]): boolean {
  return limit !== 0 || contract.columns === "discard_row" || contract.types === "discard_row";
}

async function columnsOf(session: DuckSession, relation: string): Promise<Column[] | undefined> {
  try {
    return await session.describe(`SELECT * FROM ${relation}`);
  } catch {
    return undefined;
  }
}

async function firstRows(
  session: DuckSession,
  relation: string,
  columns: readonly Column[],
  step: Step,
  timeout: AbortSignal,
): Promise<Pick<TablePreview, "rows" | "note">> {
  if (step.kind === "extract" && (step.size_bytes ?? 0) > (step.rows ?? 0) * MAX_ROW_BYTES) {
    return { rows: [], note: "Its rows are too wide for a preview" };
  }
  const limit = Math.min(PREVIEW_ROWS, Math.max(1, Math.floor(PREVIEW_CELLS / columns.length)));
  try {
    using _timeout = session.interruptOn(timeout);
    const cells = columns.map((column, index) => `${cellSql(column, PREVIEW_CELL_CHARS)} AS c${index}`);
    const found = await session.rows(`SELECT ${cells.join(", ")} FROM ${relation} LIMIT ${limit}`);
    return {
      rows: found.map((row) => columns.map((_, index) => cutCell(row[`c${index}`], PREVIEW_CELL_CHARS))),
      note: null,
    };
  } catch {
    const note = timeout.aborted ? "Reading it took too long for a preview" : "Its rows cannot be shown";
    return { rows: [], note };
  }
}

/** What is said of a table without a look at its rows. */
async function factsOf(
  session: DuckSession,
  planned: PlannedExtract | PlannedModel,
  name: string,
  columns: readonly Column[],
): Promise<Pick<TablePreview, "name" | "description" | "columns" | "cursor">> {
  if (planned.kind === "model") {
    const { description, columns: described } = planned.model;
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
  const isOwn = name === `raw.${planned.name}`;
  const { cursor } = isOwn ? await readState(session, planned.name) : {};
  return {
    name,
    description: isOwn ? planned.stream.description ?? null : null,
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
  relation: string,
): Promise<number | null> {
  if (planned.kind === "model" && planned.model.materialized === "view") return null;
  if (planned.kind === "model" && planned.model.materialized === "table") return step.rows;
  const [row] = await session.rows(`SELECT count(*) AS n FROM ${relation}`);
  return Number(row?.["n"] ?? 0);
}
