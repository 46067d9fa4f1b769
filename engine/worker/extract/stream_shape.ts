import { Field, makeData, RecordBatch, Schema, Struct, Utf8 } from "apache-arrow";
import { chooseColumns } from "../../../connectors/column_choice.ts";
import type { ColumnChoice, Source, StreamRequest } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { ConnectorDefinition } from "../../../contract/connector/entry.ts";
import type { Mask, StreamDefinition } from "../../../contract/pipeline/stream.ts";
import {
  type Column,
  isSameName,
  quoteIdentifier,
  type SqlSession,
  type SqlValue,
} from "../../../contract/sql.ts";
import { refusedCalls } from "../../../sql/language/allowed_functions.ts";
import { parseSelect } from "../../../sql/language/parse_tree.ts";
import { fingerprintOf } from "../../warehouse/validated_rows.ts";
import { type HashKey, hashKey, Masker, maskExpression } from "./mask.ts";

/**
 * What of a stream is stored: its columns and their names, the rows that `where` lets through, and masks over
 * values.
 * What the source does by itself is asked of it; the rest is done here, on the rows' way in, before
 * anything of them is written.
 */
export class StreamShape {
  readonly #name: string;
  readonly #stream: StreamDefinition;
  readonly #key: HashKey | undefined;
  readonly #salt: string | undefined;

  readonly #connector: ConnectorDefinition | undefined;

  /**
   * `salt` is the connector's `mask_salt`, `connector` how it is defined, for the fingerprint. Throws `invalid` where a mask
   * by hash has no salt.
   */
  constructor(
    name: string,
    stream: StreamDefinition,
    salt: string | undefined,
    connector?: ConnectorDefinition,
  ) {
    this.#name = name;
    this.#connector = connector;
    this.#stream = stream;
    this.#salt = salt;
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
    const { update_key: updateKey, mode } = this.#stream;
    return {
      ...request,
      ...(updateKey !== undefined && mode !== "full" ? { updateKey: this.sourceName(updateKey) } : {}),
      ...(columns !== undefined && pushdown.columns ? { columns } : {}),
      ...(this.#stream.where !== undefined && pushdown.where ? { where: this.#stream.where } : {}),
    };
  }

  /** The same stream with these of its stored columns alone. */
  ofColumns(stored: readonly string[]): StreamShape {
    const { exclude: _, ...stream } = this.#stream;
    const columns = stored.map((name) => this.sourceName(name));
    const isOne = (name: string) => columns.some((column) => column.toLowerCase() === name.toLowerCase());
    const pick = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(Object.entries(record).filter(([name]) => isOne(name)));
    return new StreamShape(
      this.#name,
      { ...stream, columns, mask: pick(stream.mask), rename: pick(stream.rename) },
      this.#salt,
    );
  }

  /** The source's own name of a column, by the name that it is stored under. */
  sourceName(stored: string): string {
    const [from] = Object.entries(this.#stream.rename).find(([, to]) => isSameName(to, stored)) ?? [];
    return from ?? stored;
  }

  /** What is known of stored columns, as the source is asked for it: by its own names. */
  inSource<T extends Pick<StreamRequest, "cursor" | "until" | "texts">>(asked: T): T {
    const { cursor, until, texts } = asked;
    return {
      ...asked,
      ...(cursor === undefined ? {} : { cursor: { ...cursor, column: this.sourceName(cursor.column) } }),
      ...(until === undefined ? {} : { until: { ...until, column: this.sourceName(until.column) } }),
      ...(texts === undefined ? {} : { texts: texts.map((name) => this.sourceName(name)) }),
    };
  }

  /** Throws `invalid` where rows that come as Arrow would have to be filtered here. */
  requireFilter({ pushdown }: Source): void {
    if (this.#stream.where === undefined || pushdown.where) return;
    throw new AppError("invalid", `Stream "${this.#name}": its source cannot filter; leave out where`);
  }

  /** See fingerprintOf. */
  get fingerprint(): string | undefined {
    return fingerprintOf(this.#stream, this.#salt, this.#connector);
  }

  /** Whether all columns are stored as they are. */
  get isWhole(): boolean {
    return this.#choice === undefined && !this.hasMasks && Object.keys(this.#stream.rename).length === 0;
  }

  /** Whether values are hidden: then nothing of a row may be told but what is stored. */
  get hasMasks(): boolean {
    return Object.keys(this.#stream.mask).length > 0;
  }

  /** A function that gives each batch its shape; all of them have the schema. */
  batches(schema: Schema, { pushdown }: Pick<Source, "pushdown">): (batch: RecordBatch) => RecordBatch {
    const choice = pushdown.columns ? undefined : this.#choice;
    const chosen = chooseColumns(schema.fields, choice, (name) => this.#missing(name, schema.fields));
    const masks = this.#masksOf(schema.fields);
    const names = this.#storedNames(chosen);
    if (chosen.length === schema.fields.length && masks.size === 0 && names.size === 0) {
      return (batch) => batch;
    }
    const places = chosen.map((field) => schema.fields.indexOf(field));
    const maskers = chosen.map((field) => {
      const mask = masks.get(field.name);
      return mask === undefined ? undefined : new Masker(this.#name, field, mask, this.#key);
    });
    const fields = chosen.map((field, i) => {
      const name = names.get(field.name) ?? field.name;
      const isText = maskers[i] !== undefined && masks.get(field.name) !== "null";
      return isText
        ? new Field(name, new Utf8(), true)
        : new Field(name, field.type, field.nullable, field.metadata);
    });
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
    const chosen = this.#chosen(columns);
    const names = this.#storedNames(chosen);
    return chosen.map(({ name, type }) => {
      const mask = masks.get(name);
      const stored = names.get(name) ?? name;
      return { name: stored, type: mask === undefined || mask === "null" ? type : "VARCHAR" };
    });
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
    const chosen = this.#chosen(columns);
    const names = this.#storedNames(chosen);
    return chosen.map(({ name, type }) => {
      const value = maskExpression(quoteIdentifier(name), type, masks.get(name), pads);
      return `${value} AS ${quoteIdentifier(names.get(name) ?? name)}`;
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

  #chosen(columns: readonly Column[]): readonly Column[] {
    return chooseColumns(columns, this.#choice, (name) => this.#missing(name, columns));
  }

  /** Names that differ from the source's, by those. Throws `invalid` for columns that are not there, or would have one name. */
  #storedNames(chosen: readonly { readonly name: string }[]): Map<string, string> {
    const names = new Map<string, string>();
    const renames = Object.entries(this.#stream.rename);
    if (renames.length === 0) return names;
    for (const [from, to] of renames) {
      const [column] = chooseColumns(chosen, { only: [from] }, (missing) => this.#missing(missing, chosen));
      if (column !== undefined) names.set(column.name, to);
    }
    const stored = chosen.map(({ name }) => names.get(name) ?? name);
    for (const [at, name] of stored.entries()) {
      const before = stored.findIndex((other) => isSameName(other, name));
      if (before === at) continue;
      throw new AppError(
        "invalid",
        `Stream "${this.#name}": rename gives the columns "${chosen[before]?.name}" and "${
          chosen[at]?.name
        }" one name, "${name}"`,
      );
    }
    return names;
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
