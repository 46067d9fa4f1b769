/** Cron expressions in words, `weekdays at 06:30`. What has no short way to be said stays as it is written. */

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const ORDINALS = ["first", "second", "third", "fourth", "fifth"] as const;
const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
/** More than these are no longer read at a glance. */
const MAX_TIMES = 6;

/** What a field of a cron expression allows. */
interface Allowed {
  readonly isAny: boolean;
  /** `n` of a field `*\/n`. */
  readonly step?: number;
  /** In order, each once. */
  readonly values: readonly number[];
}

/** The five or six fields, or a nickname, in words; as it is written where there are none for it. */
export function cronWords(cron: string): string {
  if (cron === "@continuous") return "continuously";
  const written = NICKNAMES[cron.trim().toLowerCase()] ?? cron;
  const fields = written.trim().split(/\s+/);
  if (fields.length === 5) fields.unshift("0");
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  if (fields.length !== 6) return cron;
  const time = timeWords(parse(second, 0, 59), parse(minute, 0, 59), parse(hour, 0, 23));
  const days = dayWords(day, weekday);
  const months = parse(month, 1, 12, MONTHS);
  if (time === undefined || days === undefined || months === undefined) return cron;
  return compose(time, days, months);
}

function compose(time: string, days: DayWords, months: Allowed): string {
  const isAt = time.startsWith("at ");
  const inMonths = months.isAny ? "" : ` in ${listed(months.values.map((month) => MONTHS[month - 1] ?? ""))}`;
  const [onlyDay] = days.monthDays ?? [];
  if (isAt && onlyDay !== undefined && days.monthDays?.length === 1 && months.values.length === 1) {
    return `${onlyDay} ${MONTHS[(months.values[0] ?? 1) - 1]} ${time}`;
  }
  if (days.words === "") return isAt ? `every day ${time}${inMonths}` : `${time}${inMonths}`;
  return isAt ? `${days.words} ${time}${inMonths}` : `${time}, ${days.words}${inMonths}`;
}

/** `at 02:00 and 14:00`, `every 15 min from 09:00 to 17:59`; undefined where it is not said so shortly. */
function timeWords(
  second: Allowed | undefined,
  minute: Allowed | undefined,
  hour: Allowed | undefined,
): string | undefined {
  if (second === undefined || minute === undefined || hour === undefined) return undefined;
  const isExact = second.values.length === 1 && second.values[0] === 0;
  if (!isExact && minute.isAny && hour.isAny) {
    if (second.isAny) return "every second";
    return second.step === undefined ? undefined : `every ${second.step} s`;
  }
  const [single] = minute.values;
  const isSingle = minute.values.length === 1 && single !== undefined;
  const isSpan = !hour.isAny && hour.step === undefined && hour.values.length > 2 && isRange(hour.values);
  if (isExact && (hour.isAny || isSpan)) {
    const from = hour.values[0] ?? 0;
    const to = hour.values.at(-1) ?? 23;
    if (minute.isAny || minute.step !== undefined) {
      const every = minute.isAny ? "every minute" : `every ${minute.step} min`;
      return isSpan ? `${every} from ${clock(from, 0)} to ${clock(to, 59)}` : every;
    }
    if (isSingle && isSpan) return `every hour from ${clock(from, single)} to ${clock(to, single)}`;
    if (!isSpan && minute.values.length <= MAX_TIMES) {
      return `every hour at ${listed(minute.values.map((value) => `:${two(value)}`))}`;
    }
    return undefined;
  }
  if (isExact && hour.step !== undefined && isSingle) return `every ${hour.step} h at :${two(single)}`;
  const times = hour.values.flatMap((h) => minute.values.flatMap((m) => second.values.map((s) => [h, m, s])));
  if (hour.isAny || minute.isAny || second.isAny || times.length > MAX_TIMES) return undefined;
  const texts = times.map(([h = 0, m = 0, s = 0]) => clock(h, m) + (isExact ? "" : `:${two(s)}`));
  return `at ${listed(texts)}`;
}

interface DayWords {
  /** Empty for every day. */
  readonly words: string;
  readonly monthDays?: readonly number[];
}

function dayWords(day: string, weekday: string): DayWords | undefined {
  const isEveryDay = day === "*" || day === "?";
  const weekdays = weekday === "*" || weekday === "?" ? "" : weekdayWords(weekday);
  if (weekdays === undefined) return undefined;
  if (isEveryDay) return { words: weekdays };
  if (day.toUpperCase() === "L") {
    return {
      words: weekdays === "" ? "monthly on the last day" : `the last day of the month and ${weekdays}`,
    };
  }
  const days = parse(day, 1, 31);
  if (days === undefined || days.values.length > MAX_TIMES) return undefined;
  const named = `${days.values.length === 1 ? "day" : "days"} ${listed(days.values.map(String))}`;
  // Cron runs on either where both are given.
  if (weekdays !== "") return { words: `${named} of the month and ${weekdays}` };
  return { words: `monthly on ${named}`, monthDays: days.values };
}

/** `weekdays`, `Mondays to Thursdays`, `the first Friday of the month`. */
function weekdayWords(field: string): string | undefined {
  const special = /^([a-z]{3}|[0-7])(?:#([1-5])|(l))$/i.exec(field);
  const allowed = parse(special?.[1] ?? field, 0, 7, DAYS);
  if (allowed === undefined) return undefined;
  const days = [...new Set(allowed.values.map((value) => value % 7))];
  if (special !== null) {
    const which = special[3] === undefined ? ORDINALS[Number(special[2]) - 1] : "last";
    return `the ${which} ${DAYS[days[0] ?? 0]} of the month`;
  }
  // As people count them: the week's end comes last.
  const ordered = days.toSorted((one, other) => (one || 7) - (other || 7));
  const key = ordered.join("");
  if (key === "1234560") return "";
  if (key === "12345") return "weekdays";
  if (key === "60") return "weekends";
  const names = ordered.map((value) => `${DAYS[value]}s`);
  if (names.length > 2 && isRange(ordered.map((value) => value || 7))) {
    return `${names[0]} to ${names.at(-1)}`;
  }
  return listed(names);
}

/** Undefined for what is not made of numbers, names, ranges, steps and lists of them. */
function parse(
  field: string,
  first: number,
  last: number,
  names: readonly string[] = [],
): Allowed | undefined {
  const values = new Set<number>();
  let step: number | undefined;
  for (const part of field.split(",")) {
    const [, from = "", to, by] = /^(\*|\?|[a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?(?:\/(\d{1,2}))?$/i
      .exec(part) ?? [];
    if (from === "") return undefined;
    const isAny = from === "*" || from === "?";
    const start = isAny ? first : valueOf(from, names, first);
    const end = to === undefined ? (isAny || by !== undefined ? last : start) : valueOf(to, names, first);
    const every = by === undefined ? 1 : Number(by);
    if (start === undefined || end === undefined || every < 1 || start < first || end > last) {
      return undefined;
    }
    if (isAny && every > 1 && field === part) step = every;
    for (let value = start; value <= end; value += every) values.add(value);
  }
  const isAny = field === "*" || field === "?" || field === "*/1";
  const sorted = [...values].sort((one, other) => one - other);
  return sorted.length === 0 ? undefined : { isAny, values: sorted, ...(step === undefined ? {} : { step }) };
}

function valueOf(text: string, names: readonly string[], first: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const index = names.findIndex((name) => name.slice(0, 3).toLowerCase() === text.toLowerCase());
  return index < 0 ? undefined : index + (names === MONTHS ? first : 0);
}

const isRange = (values: readonly number[]): boolean =>
  values.every((value, index) => index === 0 || value === (values[index - 1] ?? 0) + 1);

const two = (value: number): string => String(value).padStart(2, "0");
const clock = (hour: number, minute: number): string => `${two(hour)}:${two(minute)}`;

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
