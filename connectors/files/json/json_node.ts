import { nameKey } from "../../../contract/sql.ts";
import { commonTimeKind, type TimeKind } from "../types/text_kind.ts";

/** What JSON values can be; as bits, so that a place can hold several. */
export const NULL = 1;
export const BOOLEAN = 2;
export const INTEGER = 4;
export const REAL = 8;
export const STRING = 16;
export const OBJECT = 32;
export const ARRAY = 64;

/** An object with so many different keys has no fields: its keys are data. */
const MAX_FIELDS = 2_000;

export interface Place {
  /** The number of the file, from 0. */
  readonly file: number;
  readonly line: number;
}

/** What all values of one place in the records have in common: a key, or the elements of a list. */
export class JsonNode {
  /** Bits of the kinds that were seen. */
  kinds = 0;
  /** Where the first value of each kind is, by its bit. */
  readonly firstPlaces = new Map<number, Place>();
  /** Of integers, without a sign. */
  integerDigits = 0;
  /** An integer needs more than 64 bits with a sign. */
  isBeyond64 = false;
  /** An integer needs more than 128 bits with a sign. */
  isBeyond128 = false;
  /** A number that no double is equal to: as DuckDB's parser makes doubles of them, it would be changed. */
  hasInexactReal = false;
  /** All reals are written in so few digits, and plainly, that a double's text is theirs. */
  hasPlainReals = true;
  /** Of strings: undefined before the first, "text" where they have no common type of a date or time. */
  textKind: TimeKind | "text" | undefined;
  /** Of dates: one that a TIMESTAMP_NS does not reach. */
  hasFarDate = false;
  /** Keys that differ by the case of letters only, which no struct can have. */
  hasKeysOfOneName = false;
  /** Its values are nested too deep: they stay JSON, and the node stands for all that is in them. */
  isUntyped = false;
  /** Fields of objects, by key and in the order of their first appearance. */
  readonly fields: JsonField[] = [];
  readonly #byKey = new Map<string, JsonField>();
  /** What all values of objects with too many keys have in common. */
  mapValue: JsonNode | undefined;
  item: JsonNode | undefined;
  /** The number of the object that was read last; tells a key that comes twice. */
  serial = 0;
  /** Called with the text of each value of the place, as it is written. */
  watch: ((literal: string, place: Place) => void) | undefined;

  field(key: string): JsonField | undefined {
    return this.#byKey.get(key);
  }

  /** Adds a key that was not seen before; undefined where there are too many, and the keys are data now. */
  addField(key: string, isTop: boolean): JsonField | undefined {
    if (!isTop && this.fields.length >= MAX_FIELDS) {
      this.becomeMap();
      return undefined;
    }
    const name = nameKey(key);
    const same = this.#names.get(name);
    const group = same?.group ?? { serial: same?.serial ?? 0 };
    const field: JsonField = {
      key,
      bytes: new TextEncoder().encode(JSON.stringify(key).slice(1, -1)),
      index: this.fields.length,
      node: new JsonNode(),
      serial: 0,
      group: same === undefined ? undefined : group,
    };
    if (same !== undefined) {
      same.group = group;
      this.hasKeysOfOneName = true;
    } else this.#names.set(name, field);
    this.fields.push(field);
    this.#byKey.set(key, field);
    return field;
  }

  readonly #names = new Map<string, JsonField>();

  observe(kind: number, { file, line }: Place): void {
    if ((this.kinds & kind) !== 0) return;
    this.kinds |= kind;
    this.firstPlaces.set(kind, { file, line });
  }

  observeText(kind: TimeKind | undefined, isFar: boolean): void {
    this.hasFarDate ||= isFar;
    if (kind === undefined) this.textKind = "text";
    else if (this.textKind === undefined) this.textKind = kind;
    else if (this.textKind !== "text") this.textKind = commonTimeKind(this.textKind, kind) ?? "text";
    if (this.textKind === "TIMESTAMP_NS" && this.hasFarDate) this.textKind = "text";
  }

  /** From now on its keys are data. */
  becomeMap(): void {
    if (this.mapValue !== undefined) return;
    this.mapValue = new JsonNode();
    for (const { node } of this.fields) this.mapValue.merge(node);
    this.fields.length = 0;
    this.#byKey.clear();
    this.#names.clear();
    this.hasKeysOfOneName = false;
  }

  /** Takes in what the other place holds. */
  merge(other: JsonNode): void {
    this.kinds |= other.kinds;
    for (const [kind, place] of other.firstPlaces) {
      if (!this.firstPlaces.has(kind)) this.firstPlaces.set(kind, place);
    }
    this.integerDigits = Math.max(this.integerDigits, other.integerDigits);
    this.isBeyond64 ||= other.isBeyond64;
    this.isBeyond128 ||= other.isBeyond128;
    this.hasInexactReal ||= other.hasInexactReal;
    this.hasPlainReals &&= other.hasPlainReals;
    this.isUntyped ||= other.isUntyped;
    if (other.textKind !== undefined) {
      this.observeText(other.textKind === "text" ? undefined : other.textKind, other.hasFarDate);
    }
    if (other.item !== undefined) (this.item ??= new JsonNode()).merge(other.item);
    if (other.mapValue !== undefined) this.becomeMap();
    if (this.mapValue !== undefined && other.mapValue !== undefined) this.mapValue.merge(other.mapValue);
    for (const { key, node } of other.fields) {
      const field = this.mapValue === undefined ? this.field(key) ?? this.addField(key, false) : undefined;
      (field?.node ?? this.mapValue)?.merge(node);
    }
  }
}

export interface JsonField {
  readonly key: string;
  /** The key as it is usually written, without its quotes: a text that begins so, and a quote, is this key. */
  readonly bytes: Uint8Array;
  readonly index: number;
  readonly node: JsonNode;
  /** That of the last object that had the key. */
  serial: number;
  /** Shared by the keys that differ in case only. */
  group: { serial: number } | undefined;
}

/** Whether it, or anything in it, is such a node. */
export function someNode(node: JsonNode, test: (node: JsonNode) => boolean): boolean {
  return test(node) || node.fields.some((field) => someNode(field.node, test)) ||
    [node.item, node.mapValue].some((child) => child !== undefined && someNode(child, test));
}
