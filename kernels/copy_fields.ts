import { COPY_FIELDS_WASM } from "./compiled/copy_fields.ts";
import { startKernel } from "./instance.ts";
import { KernelMemory, KernelPiece } from "./memory.ts";

/** How values of a fixed number of bytes are written; kernels/assembly/copy_fields.as has the same numbers. */
export const FIELD = {
  bool: 0,
  word16: 1,
  word32: 2,
  word64: 3,
  date: 4,
  timestamp: 5,
  bytes16: 6,
} as const;
export type FieldKind = (typeof FIELD)[keyof typeof FIELD];

/** Which rows have a value: a set bit each, from bit `first` on. */
export interface Validity {
  readonly bits: Uint8Array;
  readonly first: number;
}

/** Numbers that become numeric. */
export interface NumericForm {
  /** Bytes of a number. */
  readonly width: number;
  readonly isSigned: boolean;
  readonly scale: number;
}

/** kernels/assembly/copy_fields.as says what these do. */
interface FieldFunctions {
  putFixed(
    kind: FieldKind,
    values: number,
    firstValueBit: number,
    validity: number,
    firstBit: number,
    count: number,
    places: number,
  ): number;
  putBytes(
    bytes: number,
    offsets: number,
    hasVersion: boolean,
    validity: number,
    firstBit: number,
    count: number,
    places: number,
  ): void;
  addNumerics(
    values: number,
    width: number,
    isSigned: boolean,
    multiplier: number,
    validity: number,
    firstBit: number,
    count: number,
    sizes: number,
    groups: number,
  ): void;
  putNumerics(
    values: number,
    width: number,
    isSigned: boolean,
    multiplier: number,
    lastWeight: number,
    scale: number,
    validity: number,
    firstBit: number,
    count: number,
    places: number,
    groups: number,
  ): void;
}

const GROUPS_BYTES = 24;

/**
 * Writes columns as fields of PostgreSQL's binary COPY, into its own memory. Places are in that memory, one a
 * row; each function moves them behind what it wrote.
 */
export class CopyFields {
  readonly #functions: FieldFunctions;
  readonly #memory: KernelMemory;
  readonly #values: KernelPiece;
  readonly #offsets: KernelPiece;
  readonly #validity: KernelPiece;
  readonly #rows: KernelPiece;
  readonly #output: KernelPiece;
  readonly #groups: number;

  constructor() {
    // The compiler checked them: a test compiles the kernel again and compares.
    const exports = startKernel(COPY_FIELDS_WASM) as unknown as FieldFunctions & {
      readonly memory: WebAssembly.Memory;
    };
    this.#functions = exports;
    this.#memory = new KernelMemory(exports.memory);
    this.#values = new KernelPiece(this.#memory);
    this.#offsets = new KernelPiece(this.#memory);
    this.#validity = new KernelPiece(this.#memory);
    this.#rows = new KernelPiece(this.#memory);
    this.#output = new KernelPiece(this.#memory);
    this.#groups = this.#memory.allocate(GROUPS_BYTES);
  }

  get sizeBytes(): number {
    return this.#memory.bytes.length;
  }

  /** All of the memory, to be written to at the rows' places; to be asked for again after another function's call. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.bytes;
  }

  get view(): DataView<ArrayBuffer> {
    return this.#memory.view;
  }

  /** Makes room for rows of so many bytes, and returns where it begins; what was written before is gone. */
  begin(sizeBytes: number): number {
    return this.#output.reserve(sizeBytes);
  }

  /** Writes values of one kind. Returns the row of the first that PostgreSQL's type cannot hold, or how many there are. */
  putFixed(
    kind: FieldKind,
    values: Uint8Array,
    firstValueBit: number,
    validity: Validity | undefined,
    places: Int32Array,
  ): number {
    const source = this.#values.put(values);
    return this.#withRows(places, (rows, count) =>
      this.#functions.putFixed(
        kind,
        source,
        firstValueBit,
        this.#putValidity(validity),
        validity?.first ?? 0,
        count,
        rows,
      ));
  }

  /** Writes strings: their bytes, and an offset a row and one more, of which the first is that of the bytes. */
  putBytes(
    bytes: Uint8Array,
    offsets: Int32Array,
    hasVersion: boolean,
    validity: Validity | undefined,
    places: Int32Array,
  ): void {
    const source = this.#values.put(bytes);
    const ends = this.#offsets.put(new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength));
    this.#withRows(places, (rows, count) =>
      this.#functions.putBytes(
        source,
        ends,
        hasVersion,
        this.#putValidity(validity),
        validity?.first ?? 0,
        count,
        rows,
      ));
  }

  /** Adds each number's bytes as a field to `sizes`. */
  addNumerics(
    values: Uint8Array,
    { width, isSigned, scale }: NumericForm,
    validity: Validity | undefined,
    sizes: Int32Array,
  ): void {
    const source = this.#values.put(values);
    this.#withRows(sizes, (rows, count) =>
      this.#functions.addNumerics(
        source,
        width,
        isSigned,
        multiplierOf(scale),
        this.#putValidity(validity),
        validity?.first ?? 0,
        count,
        rows,
        this.#groups,
      ));
  }

  putNumerics(
    values: Uint8Array,
    { width, isSigned, scale }: NumericForm,
    validity: Validity | undefined,
    places: Int32Array,
  ): void {
    const source = this.#values.put(values);
    this.#withRows(places, (rows, count) =>
      this.#functions.putNumerics(
        source,
        width,
        isSigned,
        multiplierOf(scale),
        -groupsOf(scale),
        scale,
        this.#putValidity(validity),
        validity?.first ?? 0,
        count,
        rows,
        this.#groups,
      ));
  }

  /** Lends numbers, one a row, to a function that changes them. */
  #withRows<T>(numbers: Int32Array, work: (at: number, count: number) => T): T {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const at = this.#rows.put(bytes);
    const result = work(at, numbers.length);
    bytes.set(this.#memory.bytes.subarray(at, at + bytes.length));
    return result;
  }

  #putValidity(validity: Validity | undefined): number {
    return validity === undefined ? 0 : this.#validity.put(validity.bits);
  }
}

/** Groups of four digits right of the point, and what aligns the last digit with them. */
const groupsOf = (scale: number): number => Math.ceil(scale / 4);
const multiplierOf = (scale: number): number => 10 ** (groupsOf(scale) * 4 - scale);
