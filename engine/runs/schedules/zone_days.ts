/** Days and times as the clock of some zone shows them. */

/** The epoch milliseconds of a text that matched MOMENT_PATTERN: of a date alone, where its day begins. */
export function momentMs(text: string, timezone: string): number {
  const written = text.replace(" ", "T");
  if (/(?:Z|[+-]\d{2}:\d{2})$/.test(written) && written.includes("T")) return Date.parse(written);
  if (!written.includes("T")) return dayStartMs(Temporal.PlainDate.from(written), timezone);
  return Temporal.PlainDateTime.from(written).toZonedDateTime(timezone).epochMilliseconds;
}

/** The last moment that an `end` allows: of a date alone, that of its day. */
export function endMs(text: string, timezone: string): number {
  if (text.length > "2026-12-01".length) return momentMs(text, timezone);
  return dayStartMs(Temporal.PlainDate.from(text).add({ days: 1 }), timezone) - 1;
}

/** Where a day begins: not at midnight where the clock leaves that out. */
function dayStartMs(day: Temporal.PlainDate, timezone: string): number {
  return day.toZonedDateTime({ timeZone: timezone }).startOfDay().epochMilliseconds;
}

/** Days of a list as `except` has it. */
export class ExcludedDays {
  readonly #timezone: string;
  readonly #ranges: readonly { readonly first: string; readonly last: string }[];

  constructor(days: readonly string[], timezone: string) {
    this.#timezone = timezone;
    this.#ranges = days.map((text) => {
      const [first = text, last = first] = text.split("..");
      return { first, last };
    });
  }

  /** Where the moment's day is one of them: when the next day begins, epoch milliseconds. */
  endOfDay(atMs: number): number | undefined {
    if (this.#ranges.length === 0) return undefined;
    const day = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(this.#timezone).toPlainDate();
    const text = day.toString();
    if (!this.#ranges.some((range) => holds(range, text))) return undefined;
    return dayStartMs(day.add({ days: 1 }), this.#timezone);
  }
}

const YEARLY_LENGTH = "12-25".length;

/** Whether a text as `2026-12-25` or `12-25` is a day of the calendar. */
export function isDay(text: string): boolean {
  try {
    // A leap year has every day that any year has.
    Temporal.PlainDate.from(text.length === YEARLY_LENGTH ? `2024-${text}` : text, { overflow: "reject" });
    return true;
  } catch {
    return false;
  }
}

function holds({ first, last }: { first: string; last: string }, day: string): boolean {
  const compared = first.length === YEARLY_LENGTH ? day.slice(-YEARLY_LENGTH) : day;
  if (first <= last) return compared >= first && compared <= last;
  // Over the turn of the year.
  return compared >= first || compared <= last;
}
