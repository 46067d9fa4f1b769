import { Data, type DataType, type Vector } from "apache-arrow";

export interface ArrowParts {
  readonly length: number;
  readonly nullCount: number;
  /** Undefined where no row is NULL. */
  readonly nullBitmap: Uint8Array | undefined;
  readonly values?: DataType["TArray"];
  readonly offsets?: Int32Array;
  readonly children?: Data[];
  readonly dictionary?: Vector | undefined;
}

/** An Arrow array of its parts. */
export function arrowData<T extends DataType>(type: T, parts: ArrowParts): Data<T> {
  // By their place in Arrow's list: offsets, values, validity.
  const buffers = {
    ...(parts.offsets === undefined ? {} : { 0: parts.offsets }),
    ...(parts.values === undefined ? {} : { 1: parts.values }),
    ...(parts.nullBitmap === undefined ? {} : { 2: parts.nullBitmap }),
  };
  return new Data(type, 0, parts.length, parts.nullCount, buffers, parts.children ?? [], parts.dictionary);
}
