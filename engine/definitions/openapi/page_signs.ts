import { type JsonObject, numberOf, plainName } from "./json_value.ts";
import type { Operation, Parameter } from "./operations.ts";
import { isNumber, type PageField, pageFields } from "./page_fields.ts";
import { SIZE_PARAM } from "./page_words.ts";
import type { RecordList } from "./record_list.ts";
import type { Schemas } from "./schemas.ts";

/** How the next page is asked for, as far as names and descriptions tell. */
export interface Paging {
  /** As an endpoint has it; undefined leaves it to what the pages show (`auto`). */
  readonly paginator: JsonObject | undefined;
  /** The size of a page, where it is a parameter of its own. */
  readonly params: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** Parameters that are the paginator's. */
  readonly taken: ReadonlySet<string>;
}

export type FoundPaging = Omit<Paging, "params">;

export const foundAs = (
  paginator: JsonObject,
  taken: readonly Parameter[],
  notes: readonly string[] = [],
): FoundPaging => ({
  paginator,
  taken: new Set(taken.map(({ name }) => name)),
  notes,
});

/** What one operation shows of its pages. */
export class PageSigns {
  readonly query: readonly Parameter[];
  readonly fields: readonly PageField[];
  readonly size: Parameter | undefined;

  constructor(readonly operation: Operation, readonly list: RecordList, schemas: Schemas) {
    this.query = operation.parameters.filter(({ place }) => place === "query");
    this.fields = pageFields(list, schemas);
    this.size = this.query.find(({ name, schema }) => SIZE_PARAM.test(plainName(name)) && isNumber(schema));
  }

  param(pattern: RegExp): Parameter | undefined {
    return this.query.find(({ name }) => pattern.test(plainName(name)));
  }

  field(pattern: RegExp, isFitting: (field: PageField) => boolean = () => true): PageField | undefined {
    return this.fields.find((field) => pattern.test(field.name) && isFitting(field));
  }
}

const MAX_SIZE = 1000;
/** What most servers take. */
export const GUESSED_LIMIT = 100;

/** The greatest size of a page, by its schema or its description; undefined where neither says it. */
export function mostOf({ schema, description }: Parameter): number | undefined {
  const [, said] =
    /\b(?:max(?:imum)?|up to|at most|no more than|between \d+ and|\d+ to)\b[^\d\n]{0,30}(\d{1,6})\b/i.exec(
      description,
    ) ??
      [];
  const most = schema.maximum ?? (said === undefined ? undefined : Number(said));
  return most === undefined || most < 1 || !Number.isInteger(most) ? undefined : Math.min(most, MAX_SIZE);
}

/** The size to ask for: the greatest, or any where one has to be given. */
export const sizeOf = (size: Parameter): number | undefined =>
  mostOf(size) ?? (size.isRequired ? sizeByDefault(size) ?? GUESSED_LIMIT : undefined);

export function sizeByDefault({ schema }: Parameter): number | undefined {
  const size = numberOf(schema.default);
  return size === undefined || size < 1 || !Number.isInteger(size) ? undefined : Math.min(size, MAX_SIZE);
}
