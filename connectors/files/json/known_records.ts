import {
  FIELD,
  FIELD_BYTES,
  type KnownRecordsKernel,
  MAX_KEY_BYTES,
  NO_KEY,
  PLACE,
  PLACE_BYTES,
  SEEN,
  SLACK_BYTES,
  startKnownRecords,
  TEXT_KIND,
  WRAP,
  WRAP_BYTES,
} from "../../../kernels/known_records.ts";
import type { JsonField, JsonNode } from "./json_node.ts";
import { isExactReal } from "./json_scanner.ts";

const [SPACE, QUOTE, BACKSLASH] = [0x20, 0x22, 0x5c];
const NOTHING = new Uint8Array();
/** The kernel takes the bytes in such pieces; a record of half of one and more is the scanner's. */
const WINDOW_BYTES = 512 * 1024;
/** Of the smallest record and its comma. */
const LEAST_RECORD_BYTES = 3;
/** Where record after record is new, the kernel is asked again after so many. */
const MOST_PASSED_BY = 1024;
/** Records that tell more keys than that are the scanner's. */
const MAX_PLACES = 20_000;

/** Records that stand one behind the other in the bytes. */
export interface KnownRun {
  /** Of the last one. */
  readonly end: number;
  readonly records: number;
  /** Of the longest one. */
  readonly longest: number;
  /** Line feeds up to the end. */
  readonly lines: number;
  readonly hasBreaks: boolean;
  readonly hasBreaksInside: boolean;
  /** One begins in the line in which another ends. */
  readonly sharesLine: boolean;
}

/**
 * What stands around the record in a line. With `last` there is a string between `behind` and it, which may be any one: `behind`
 * ends with its opening quote, and `last` begins with the closing one.
 */
export interface LineWrap {
  readonly before: Uint8Array;
  readonly behind: Uint8Array;
  readonly last: Uint8Array | undefined;
}

/** Records of lines that are the same but for them. */
export interface WrappedRun {
  /** Behind the last line, from the first byte that was given. */
  readonly end: number;
  readonly records: number;
  /** Of the longest record. */
  readonly longest: number;
  /** The records, a line each; to be used at once. */
  readonly lines: Uint8Array;
}

/**
 * Passes over the records that tell a survey nothing: those of which the scanner would change nothing in the nodes, and
 * find no fault. The others are to be read by the scanner.
 */
export class KnownRecords {
  readonly #root: JsonNode;
  readonly #kernel: KnownRecordsKernel;
  readonly #places = new Map<JsonNode, Place>();
  readonly #input: number;
  readonly #commas: number;
  /** What of which bytes is in the kernel's input. */
  #window: Window | undefined;
  #passBy = 0;
  #passedBy = 0;
  #isOld = true;
  /** The last one, where the kernel has it. */
  #wrap: { readonly wrap: LineWrap; readonly at: number; readonly sizeBytes: number } | undefined;
  /** Where the kernel writes the records of wrapped lines. */
  #lines = 0;

  constructor(root: JsonNode) {
    this.#root = root;
    this.#kernel = startKnownRecords(isExactReal);
    const { memory } = this.#kernel;
    this.#input = memory.allocate(WINDOW_BYTES + SLACK_BYTES);
    this.#commas = memory.allocate(Math.ceil(WINDOW_BYTES / LEAST_RECORD_BYTES) * 4 + 4);
  }

  /** The bytes are others from now on, in the same place. */
  forget(): void {
    this.#window = undefined;
  }

  /**
   * The known records from the brace at `start` on; undefined where the first one is to be read by the scanner. In a list
   * there is a comma between two of them.
   */
  read(bytes: Uint8Array, start: number, end: number, isList: boolean): KnownRun | undefined {
    return this.#unlessPassedBy(() => this.#read(bytes, start, end, isList));
  }

  /**
   * The known records of lines from `start` on, each in the wrap; undefined where the first line is to be read by others.
   */
  readWrapped(bytes: Uint8Array, start: number, end: number, wrap: LineWrap): WrappedRun | undefined {
    return this.#unlessPassedBy(() => this.#readWrapped(bytes, start, end, wrap));
  }

  #unlessPassedBy<Run extends { readonly records: number }>(read: () => Run | undefined): Run | undefined {
    if (this.#passedBy < this.#passBy) {
      this.#passedBy++;
      this.#isOld = true;
      return undefined;
    }
    this.#passedBy = 0;
    const run = read();
    if (run === undefined) {
      this.#passBy = Math.min(MOST_PASSED_BY, 2 * this.#passBy + 1);
      this.#isOld = true;
    } else this.#passBy = run.records > this.#passBy ? 0 : this.#passBy;
    return run;
  }

  /** Where the commas behind the records of the last run are, but the last one's, from its start. */
  commas(records: number): Uint32Array {
    const { buffer } = this.#kernel.memory.bytes;
    return new Uint32Array(buffer, this.#commas, records - 1).slice();
  }

  #read(bytes: Uint8Array, start: number, end: number, isList: boolean): KnownRun | undefined {
    const window = this.#windowAt(bytes, start, end);
    if (this.#isOld && !this.#describe()) return undefined;
    this.#isOld = false;
    const root = this.#places.get(this.#root)?.at ?? 0;
    const from = this.#input + start - window.start;
    const kernel = this.#kernel;
    const behind = kernel.readRecords(from, root, isList, this.#commas);
    if (behind === from) return undefined;
    return {
      end: start + behind - from,
      records: kernel.records.value,
      longest: kernel.longest.value,
      lines: kernel.lines.value,
      hasBreaks: kernel.breaks.value > 0,
      hasBreaksInside: kernel.hasBreaks.value !== 0,
      sharesLine: kernel.sharesLine.value !== 0,
    };
  }

  #readWrapped(bytes: Uint8Array, start: number, end: number, wrap: LineWrap): WrappedRun | undefined {
    const window = this.#windowAt(bytes, start, end);
    if (this.#isOld && !this.#describe()) return undefined;
    this.#isOld = false;
    const root = this.#places.get(this.#root)?.at ?? 0;
    const kernel = this.#kernel;
    const wrapAt = this.#wrapAt(wrap);
    this.#lines ||= kernel.memory.allocate(WINDOW_BYTES);
    const from = this.#input + start - window.start;
    const to = this.#input + window.end - window.start;
    const behind = kernel.readWrapped(from, to, root, wrapAt, this.#lines);
    if (behind === from) return undefined;
    return {
      end: start + behind - from,
      records: kernel.records.value,
      longest: kernel.longest.value,
      lines: kernel.memory.bytes.subarray(this.#lines, this.#lines + kernel.written.value),
    };
  }

  /** Where the kernel has the wrap. */
  #wrapAt(wrap: LineWrap): number {
    if (this.#wrap?.wrap === wrap) return this.#wrap.at;
    const { memory } = this.#kernel;
    const pieces = [wrap.before, wrap.behind, wrap.last ?? NOTHING];
    const sizeBytes = WRAP_BYTES + pieces.reduce((sum, { length }) => sum + length + SLACK_BYTES, 0);
    if (this.#wrap !== undefined) memory.release(this.#wrap.at, this.#wrap.sizeBytes);
    const at = memory.allocate(sizeBytes);
    const words = [WRAP.before, WRAP.behind, WRAP.last];
    let place = at + WRAP_BYTES;
    for (const [index, piece] of pieces.entries()) {
      const word = at + 4 * (words[index] ?? 0);
      memory.bytes.set(piece, place);
      memory.view.setUint32(word, place, true);
      memory.view.setUint32(word + 4, piece.length, true);
      place += piece.length + SLACK_BYTES;
    }
    this.#wrap = { wrap, at, sizeBytes };
    return at;
  }

  #windowAt(bytes: Uint8Array, start: number, end: number): Pick<Window, "start" | "end"> {
    const known = this.#window;
    const isKnown = known !== undefined && known.bytes === bytes && start >= known.start && start < known.end;
    // What is cut by the window's end may be known when it is whole.
    if (isKnown && (known.end >= end || start < known.start + WINDOW_BYTES / 2)) return known;
    const window = { bytes, start, end: Math.min(end, start + WINDOW_BYTES) };
    const { memory } = this.#kernel;
    memory.bytes.set(bytes.subarray(start, window.end), this.#input);
    const behind = this.#input + window.end - start;
    memory.bytes.fill(0, behind, behind + SLACK_BYTES);
    return this.#window = window;
  }

  /** Tells the kernel what is known by now; false where that is too much. */
  #describe(): boolean {
    this.#place(this.#root, true);
    return this.#places.size <= MAX_PLACES;
  }

  #place(node: JsonNode, isTop: boolean): number {
    const { memory } = this.#kernel;
    let place = this.#places.get(node);
    if (place === undefined) {
      place = { at: memory.allocate(PLACE_BYTES), fields: 0, room: 0, keys: [] };
      memory.bytes.fill(0, place.at, place.at + PLACE_BYTES);
      this.#places.set(node, place);
    }
    const item = node.item === undefined ? 0 : this.#place(node.item, false);
    this.#describeFields(node.fields, place, isTop);
    const set = (word: number, value: number) => memory.view.setUint32(place.at + 4 * word, value, true);
    set(PLACE.flags, flagsOf(node));
    set(PLACE.integerDigits, node.integerDigits);
    set(PLACE.textKind, node.textKind === undefined ? 0 : TEXT_KIND[node.textKind]);
    set(PLACE.fields, place.fields);
    set(PLACE.fieldCount, node.fields.length);
    set(PLACE.item, item);
    return place.at;
  }

  #describeFields(fields: readonly JsonField[], place: Place, isTop: boolean): void {
    const { memory } = this.#kernel;
    if (fields.length > place.room) {
      const room = 2 * fields.length;
      const at = memory.allocate(room * FIELD_BYTES);
      memory.bytes.fill(0, at, at + room * FIELD_BYTES);
      memory.release(place.fields, place.room * FIELD_BYTES);
      place.fields = at;
      place.room = room;
    }
    for (const [index, field] of fields.entries()) {
      const value = this.#place(field.node, false);
      const key = place.keys[index] ??= this.#putKey(field.bytes);
      // Keys of one column may not meet in one record.
      const isKnown = key !== 0 && !(isTop && field.group !== undefined);
      const at = place.fields + index * FIELD_BYTES;
      const set = (word: number, value: number) => memory.view.setUint32(at + 4 * word, value, true);
      set(FIELD.key, key);
      set(FIELD.keyLength, isKnown ? field.bytes.length : NO_KEY);
      set(FIELD.value, value);
    }
  }

  /** Returns its place; 0 for one that is not written as it is, or that is too long. */
  #putKey(key: Uint8Array): number {
    if (
      key.length > MAX_KEY_BYTES || key.some((byte) => byte < SPACE || byte === QUOTE || byte === BACKSLASH)
    ) {
      return 0;
    }
    const { memory } = this.#kernel;
    const at = memory.allocate(key.length + SLACK_BYTES);
    memory.bytes.set(key, at);
    return at;
  }
}

interface Window {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Where a node and its fields are described. */
interface Place {
  readonly at: number;
  fields: number;
  /** For so many fields. */
  room: number;
  readonly keys: number[];
}

function flagsOf(node: JsonNode): number {
  const isOther = node.isUntyped || node.mapValue !== undefined || node.watch !== undefined;
  return node.kinds |
    (node.isBeyond64 ? SEEN.beyond64 : 0) |
    (node.isBeyond128 ? SEEN.beyond128 : 0) |
    (node.hasInexactReal ? SEEN.inexactReal : 0) |
    (node.hasPlainReals ? SEEN.plainReals : 0) |
    (node.hasFarDate ? SEEN.farDate : 0) |
    (isOther ? SEEN.other : 0);
}
