/**
 * How rows that a script has as Arrow are laid out in a frame: as in batch_layout.ts, but the description is an ArrowLayout,
 * and the buffers are those of its nodes: of each the bitmap, the offsets, the values, then its children and its dictionary.
 */
export interface ArrowLayout {
  readonly rows: number;
  readonly fields: readonly ArrowField[];
  /** Of each field; none where there is no row. */
  readonly columns: readonly ArrowNode[];
}

export interface ArrowField {
  readonly name: string;
  readonly metadata: readonly (readonly [string, string])[];
  readonly type: ArrowType;
}

/** Of the type's own properties those that it has; offsets are of 32 bits in all of them. */
export interface ArrowType {
  /** As Arrow's list of types has it. */
  readonly id: number;
  readonly bitWidth?: number | undefined;
  readonly isSigned?: boolean | undefined;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
  readonly unit?: number | undefined;
  readonly timezone?: string | undefined;
  readonly byteWidth?: number | undefined;
  readonly listSize?: number | undefined;
  readonly children?: readonly ArrowField[] | undefined;
  /** Of a dictionary: its values and its codes. */
  readonly dictionary?: ArrowType | undefined;
  readonly indices?: ArrowType | undefined;
}

export interface ArrowNode {
  readonly length: number;
  /** Bits before the first of the bitmap, and of values that are bits. */
  readonly offset: number;
  /** Bytes of the buffers; 0 for none. */
  readonly bitmap: number;
  readonly offsets: number;
  readonly values: number;
  readonly children: readonly ArrowNode[];
  /** The parts of the dictionary. */
  readonly dictionary: readonly ArrowNode[];
}

/** Types by their ids in Arrow, those that a frame may have. */
export const ARROW = {
  dictionary: -1,
  null: 1,
  int: 2,
  float: 3,
  binary: 4,
  utf8: 5,
  bool: 6,
  decimal: 7,
  date: 8,
  time: 9,
  timestamp: 10,
  interval: 11,
  list: 12,
  struct: 13,
  fixedSizeBinary: 15,
  fixedSizeList: 16,
  map: 17,
  duration: 18,
} as const;

/** Bytes of a value of a type whose values all have the same; undefined for others and for bits. */
export function arrowWidth(
  { id, bitWidth = 0, precision = 0, unit = 0, byteWidth = 0 }: ArrowType,
): number | undefined {
  switch (id) {
    case ARROW.int:
    case ARROW.decimal:
    case ARROW.time:
      return bitWidth / 8;
    case ARROW.float:
      return 2 << precision;
    case ARROW.date:
      return unit === 0 ? 4 : 8;
    case ARROW.timestamp:
    case ARROW.duration:
      return 8;
    case ARROW.interval:
      return 4 << unit;
    case ARROW.fixedSizeBinary:
      return byteWidth;
    default:
      return undefined;
  }
}
