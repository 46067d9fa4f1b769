import { Field, makeData, RecordBatch, Schema, Struct, Utf8 } from "apache-arrow";
import { chooseColumns } from "../../../connectors/column_choice.ts";
import type { ColumnChoice, Source, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Mask, StreamDefinition } from "../../../contract/pipeline/stream.ts";
import {
  type Column,
  findColumn,
  quoteIdentifier,
  type SqlSession,
  type SqlValue,
} from "../../../contract/sql.ts";
import { refusedCalls } from "../../../sql/language/allowed_functions.ts";
import { parseSelect } from "../../../sql/language/parse_tree.ts";
import { type HashKey, hashKey, Masker, maskExpression } from "./mask.ts";

/**
 * What of a stream is stored: its columns, the rows that `where` lets through, and masks over values.
 * What the source does by itself is asked of it; the rest is done here, on the rows' way in, before
 * anything of them is written.
 */
export class StreamShape {
  readonly #name: string;
  readonly #stream: StreamDefinition;
  readonly #key: HashKey | undefined;

  /** `salt` is the connector's `mask_salt`. Throws `invalid` where a mask by hash has none. */
  constructor(name: string, stream: StreamDefinition, salt: string | undefined) {
    this.#name = name;
    this.#stream = stream;
    if (salt === undefined && Object.values(stream.mask).includes("hash")) {
      throw new AppError(
        "invalid",
        `Stream "${name}": mask: hash needs mask_salt on the connector "${stream.connector}"`,
      );
    }
    this.#key = salt === undefined ? undefined : hashKey(salt);
  }

  /** The request with what the source does by itself. Throws `invalid` where it cannot filter and nothing else can. */
  request(request: StreamRequest, { pushdown }: Source): StreamRequest {
    const columns = this.#choice;
    return {
      ...request,
      ...(columns !== undefined && pushdown.columns ? { columns } : {}),
      ...(this.#stream.where !== undefined && pushdown.where ? { where: this.#stream.where } : {}),
    };
  }

  /** Throws `invalid` where rows that come as Arrow would have to be filtered here. */
  requireFilter({ pushdown }: Source): void {
    if (this.#stream.where === undefined || pushdown.where) return;
    throw new AppError("invalid", `Stream "${this.#name}": its source cannot filter; leave out where`);
  }

  /** Whether all columns are stored as they are. */
  get isWhole(): boolean {
    return this.#choice === undefined && !this.hasMasks;
  }

  /** Whether values are hidden: then nothing of a row may be told but what is stored. */
  get hasMasks(): boolean {
    return Object.keys(this.#stream.mask).length > 0;
  }

  /** A function that gives each batch its shape; all of them have the schema. */
  batches(schema: Schema, { pushdown }: Source): (batch: RecordBatch) => RecordBatch {
    const choice = pushdown.columns ? undefined : this.#choice;
    const chosen = chooseColumns(schema.fields, choice, (name) => this.#missing(name, schema.fields));
    const masks = this.#masksOf(schema.fields);
    if (chosen.length === schema.fields.length && masks.size === 0) return (batch) => batch;
    const places = chosen.map((field) => schema.fields.indexOf(field));
    const maskers = chosen.map((field) => {
      const mask = masks.get(field.name);
      return mask === undefined ? undefined : new Masker(this.#name, field, mask, this.#key);
    });
    const fields = chosen.map((field, i) =>
      maskers[i] === undefined || masks.get(field.name) === "null"
        ? field
        : new Field(field.name, new Utf8(), true)
    );
    const shaped = new Schema(fields);
    const type = new Struct(fields);
    return (batch) => {
      const children = places.flatMap((place, i) => {
        const data = batch.data.children[place];
        return data === undefined ? [] : [maskers[i]?.mask(data) ?? data];
      });
      return new RecordBatch(shaped, makeData({ type, length: batch.numRows, nullCount: 0, children }));
    };
  }

  /** The columns of a relation of DuckDB as they are to be stored. Throws `invalid` for a name that it does not have. */
  columns(columns: readonly Column[]): Column[] {
    const masks = this.#masksOf(columns);
    return chooseColumns(columns, this.#choice, (name) => this.#missing(name, columns)).map(
      ({ name, type }) => {
        const mask = masks.get(name);
        return { name, type: mask === undefined || mask === "null" ? type : "VARCHAR" };
      },
    );
  }

  /**
   * The select list over a relation that DuckDB reads. `bind` takes a value and returns its parameter:
   * the key of a hash must not stand in SQL, which errors quote.
   */
  select(columns: readonly Column[], bind: (value: SqlValue) => string): string {
    const masks = this.#masksOf(columns);
    if (this.isWhole) return "*";
    const pads = this.#key !== undefined && [...masks.values()].includes("hash")
      ? { inner: bind(this.#key.innerHex), outer: bind(this.#key.outerHex) }
      : undefined;
    return this.columns(columns).map(({ name }) => {
      const quoted = quoteIdentifier(name);
      const { type } = findColumn(columns, name) ?? { type: "VARCHAR" };
      return `${maskExpression(quoted, type, masks.get(name), pads)} AS ${quoted}`;
    }).join(", ");
  }

  /**
   * Looks at the condition on rows that DuckDB reads: it may compute with the row's columns, and read
   * nothing else. Throws SqlError or `invalid`.
   */
  async checkWhere(session: SqlSession): Promise<void> {
    const { where } = this.#stream;
    if (where === undefined) return;
    const tree = await parseSelect(session, `SELECT * FROM "stream" WHERE ${this.where.join(" AND ")}`);
    const [refused] = refusedCalls(tree);
    const others = tree.tables.length > 1 || tree.functions.length > 0;
    if (refused === undefined && !others) return;
    const reason = refused?.message ?? "it may read no other table";
    throw new AppError("invalid", `Stream "${this.#name}", where: ${reason}`);
  }

  /** The conditions on a relation that DuckDB reads. */
  get where(): readonly string[] {
    // The line break ends a comment at the condition's end.
    return this.#stream.where === undefined ? [] : [`(${this.#stream.where}\n)`];
  }

  /** ` WHERE …`, or nothing. */
  get whereClause(): string {
    return this.where.length === 0 ? "" : ` WHERE ${this.where.join(" AND ")}`;
  }

  get #choice(): ColumnChoice | undefined {
    const { columns, exclude } = this.#stream;
    if (columns === undefined && exclude === undefined) return undefined;
    return columns === undefined ? { except: exclude ?? [] } : { only: columns };
  }

  /** By the columns' own names. */
  #masksOf(columns: readonly { readonly name: string }[]): Map<string, Mask> {
    const masks = new Map<string, Mask>();
    for (const [name, mask] of Object.entries(this.#stream.mask)) {
      const [column] = chooseColumns(columns, { only: [name] }, (missing) => this.#missing(missing, columns));
      if (column !== undefined) masks.set(column.name, mask);
    }
    return masks;
  }

  #missing(name: string, columns: readonly { readonly name: string }[]): AppError {
    const known = columns.map((column) => column.name).join(", ");
    return new AppError("invalid", `Stream "${this.#name}" has no column "${name}" (it has ${known})`);
  }
}
