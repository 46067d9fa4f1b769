import { KNOWN_RECORDS_WASM } from "./compiled/known_records.ts";
import { startKernel } from "./instance.ts";
import { KernelMemory } from "./memory.ts";

/** A place in the records, by 32-bit words; kernels/assembly/known_records.as has the same numbers. */
export const PLACE = {
  flags: 0,
  integerDigits: 1,
  textKind: 2,
  fields: 3,
  fieldCount: 4,
  item: 5,
  serial: 6,
} as const;
export const PLACE_BYTES = 28;

/** A key of objects, by 32-bit words. */
export const FIELD = { key: 0, keyLength: 1, value: 2, lastSerial: 3 } as const;
export const FIELD_BYTES = 16;

/** What stands around records in lines, by 32-bit words. */
export const WRAP = {
  before: 0,
  beforeLength: 1,
  behind: 2,
  behindLength: 3,
  last: 4,
  lastLength: 5,
} as const;
export const WRAP_BYTES = 24;

/** What was seen at a place, beside the kinds, whose bits are below these. */
export const SEEN = {
  beyond64: 128,
  beyond128: 256,
  inexactReal: 512,
  plainReals: 1024,
  farDate: 2048,
  /** Its values are none of the kernel's. */
  other: 4096,
} as const;

/** What the strings of a place are; 0 where none was seen. */
export const TEXT_KIND = {
  text: 1,
  DATE: 2,
  TIMESTAMP: 3,
  TIMESTAMP_NS: 4,
  TIMESTAMPTZ: 5,
  TIME: 6,
} as const;

/** What the kernel may touch behind its input: zeros. The same behind a key. */
export const SLACK_BYTES = 32;
/** The length of a key that no text has. */
export const NO_KEY = 0x7fff_ffff;
/** Longer keys are none of the kernel's. */
export const MAX_KEY_BYTES = 256;

interface Global {
  readonly value: number;
}

/** The kernel that looks through records for what is new; kernels/assembly/known_records.as says what its functions do. */
export interface KnownRecordsKernel {
  readonly memory: KernelMemory;
  readRecords(start: number, root: number, isList: boolean, commas: number): number;
  readWrapped(start: number, end: number, root: number, wrap: number, target: number): number;
  readonly records: Global;
  readonly longest: Global;
  readonly lines: Global;
  readonly breaks: Global;
  readonly hasBreaks: Global;
  readonly sharesLine: Global;
  readonly written: Global;
}

const latin1 = new TextDecoder("latin1");

/** `isExact` tells of a number whether a double keeps all that it says. */
export function startKnownRecords(isExact: (number: string) => boolean): KnownRecordsKernel {
  // Called while the kernel reads, when its memory is known.
  const imports = {
    isExact: (at: number, length: number) =>
      Number(isExact(latin1.decode(memory.bytes.subarray(at, at + length)))),
  };
  // The compiler checked them: a test compiles the kernel again and compares.
  const exports = startKernel(KNOWN_RECORDS_WASM, imports) as unknown as
    & Omit<KnownRecordsKernel, "memory">
    & { readonly memory: WebAssembly.Memory };
  const memory = new KernelMemory(exports.memory);
  return { ...exports, memory };
}
