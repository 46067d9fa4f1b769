/** Places in a server's binary log: a file, and the bytes before it there. */
export interface Place {
  /** As `binlog.000003`: the files are numbered. */
  readonly file: string;
  readonly offset: number;
}

/** As `binlog.000003:4711`. */
export const writePlace = ({ file, offset }: Place): string => `${file}:${offset}`;

/** Throws RangeError for a text that is none. */
export function parsePlace(text: string): Place {
  const [, file, offset] = /^(.*\.\d+):(\d+)$/s.exec(text) ?? [];
  if (file === undefined) throw new RangeError(`"${text}" is no place in a binary log`);
  return { file, offset: Number(offset) };
}

/** Below 0 where the first comes before the second in the log. */
export function comparePlaces(one: Place, other: Place): number {
  return numberOf(one.file) - numberOf(other.file) || one.offset - other.offset;
}

const numberOf = (file: string): number => Number(file.slice(file.lastIndexOf(".") + 1));

export const latest = (one: Place, other: Place): Place => comparePlaces(one, other) >= 0 ? one : other;

export const earliest = (places: readonly Place[]): Place | undefined => places.toSorted(comparePlaces)[0];
