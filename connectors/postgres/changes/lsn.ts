/** Places in PostgreSQL's log, as numbers and as the server writes them: `16/B374D848`. */

/** Throws RangeError for a text that is none. */
export function parseLsn(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? [];
  if (high === undefined || low === undefined) throw new RangeError(`"${text}" is no place in a log`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export const writeLsn = (lsn: bigint): string =>
  `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();

export const earliest = (lsns: readonly bigint[]): bigint | undefined =>
  lsns.reduce<bigint | undefined>(
    (least, lsn) => least === undefined || lsn < least ? lsn : least,
    undefined,
  );
