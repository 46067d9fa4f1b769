import { AppError } from "../../../../contract/errors.ts";
import {
  argument,
  isObject,
  type JinjaFunction,
  type JinjaObject,
  textOf,
  type Value,
} from "../jinja/values.ts";

/** Python's `datetime`, `pytz` and `re`, as far as templates use them. Times have no zone of their own: they are UTC. */

/** Milliseconds since 1970, in UTC. */
export type Moment = number;

const DAY_MS = 86_400_000;
const pad = (value: number, width = 2) => String(value).padStart(width, "0");

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
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** What a directive of `strftime` gives. */
const DIRECTIVES: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => pad(date.getUTCFullYear(), 4),
  y: (date) => pad(date.getUTCFullYear() % 100),
  m: (date) => pad(date.getUTCMonth() + 1),
  d: (date) => pad(date.getUTCDate()),
  H: (date) => pad(date.getUTCHours()),
  I: (date) => pad((date.getUTCHours() + 11) % 12 + 1),
  p: (date) => date.getUTCHours() < 12 ? "AM" : "PM",
  M: (date) => pad(date.getUTCMinutes()),
  S: (date) => pad(date.getUTCSeconds()),
  f: (date) => pad(date.getUTCMilliseconds() * 1_000, 6),
  j: (date) => pad(Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0)) / DAY_MS) + 1, 3),
  A: (date) => DAYS[date.getUTCDay()] ?? "",
  a: (date) => DAYS[date.getUTCDay()]?.slice(0, 3) ?? "",
  B: (date) => MONTHS[date.getUTCMonth()] ?? "",
  b: (date) => MONTHS[date.getUTCMonth()]?.slice(0, 3) ?? "",
  w: (date) => String(date.getUTCDay()),
  u: (date) => String((date.getUTCDay() + 6) % 7 + 1),
  Z: () => "UTC",
  z: () => "+0000",
  "%": () => "%",
};

const formatted = (at: Moment, format: string): string =>
  format.replace(/%([A-Za-z%])/g, (whole, letter: string) => DIRECTIVES[letter]?.(new Date(at)) ?? whole);

/** What `strptime` reads for a directive. */
const READ: Readonly<Record<string, string>> = {
  Y: "(?<Y>\\d{4})",
  m: "(?<m>\\d{1,2})",
  d: "(?<d>\\d{1,2})",
  H: "(?<H>\\d{1,2})",
  M: "(?<M>\\d{1,2})",
  S: "(?<S>\\d{1,2})",
};

function readMoment(text: string, format: string): Moment {
  const pattern = format.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(
    /%([A-Za-z%])/g,
    (_, letter: string) => {
      const read = READ[letter];
      if (read === undefined) {
        throw new AppError("invalid", `strptime() with %${letter} is not known: write the date into the SQL`);
      }
      return read;
    },
  );
  const groups = new RegExp(`^${pattern}$`).exec(text)?.groups;
  if (groups === undefined) throw new AppError("invalid", `"${text}" is no date of the form ${format}`);
  const of = (key: string, otherwise: number) => Number(groups[key] ?? otherwise);
  return Date.UTC(of("Y", 1900), of("m", 1) - 1, of("d", 1), of("H", 0), of("M", 0), of("S", 0));
}

const ATTRIBUTES: Readonly<Record<string, (date: Date) => number>> = {
  year: (date) => date.getUTCFullYear(),
  month: (date) => date.getUTCMonth() + 1,
  day: (date) => date.getUTCDate(),
  hour: (date) => date.getUTCHours(),
  minute: (date) => date.getUTCMinutes(),
  second: (date) => date.getUTCSeconds(),
  microsecond: (date) => date.getUTCMilliseconds() * 1_000,
};

interface MomentObject extends JinjaObject {
  readonly moment: Moment;
}

interface SpanObject extends JinjaObject {
  readonly spanMs: number;
}

/** `text` is what it is in a text; undefined: as Python writes it. `onUse` is told where something else is asked of it. */
export function momentValue(at: Moment, text?: string, isDate = false, onUse?: () => void): MomentObject {
  const date = new Date(at);
  const day = formatted(at, "%Y-%m-%d");
  const fraction = date.getUTCMilliseconds() === 0 ? "" : formatted(at, ".%f");
  const time = formatted(at, "%H:%M:%S") + fraction;
  const methods: Readonly<Record<string, JinjaFunction>> = {
    strftime: ([format]) => formatted(at, textOf(format)),
    isoformat: ([separator]) => isDate ? day : `${day}${textOf(separator ?? "T")}${time}`,
    date: () => momentValue(Math.floor(at / DAY_MS) * DAY_MS, undefined, true),
    weekday: () => (date.getUTCDay() + 6) % 7,
    isoweekday: () => (date.getUTCDay() + 6) % 7 + 1,
    timestamp: () => at / 1_000,
    astimezone: () => momentValue(at),
    localize: () => momentValue(at),
    replace: (_, kwargs) => {
      const of = (key: string) => Number(kwargs.get(key) ?? ATTRIBUTES[key]?.(date));
      const [year, month, day] = [of("year"), of("month") - 1, of("day")];
      const ms = of("microsecond") / 1_000;
      return momentValue(Date.UTC(year, month, day, of("hour"), of("minute"), of("second"), ms));
    },
  };
  return {
    moment: at,
    get: (key) => {
      onUse?.();
      return methods[key] ?? ATTRIBUTES[key]?.(date);
    },
    text: () => text ?? (isDate ? day : `${day} ${time}`),
    plus: (other, sign) => {
      if (isSpan(other)) return momentValue(at + sign * other.spanMs, undefined, isDate);
      return sign === -1 && isMoment(other) ? spanValue(at - other.moment) : undefined;
    },
    compareTo: (other) => isMoment(other) ? at - other.moment : undefined,
  };
}

const isMoment = (value: Value): value is MomentObject => isObject(value) && "moment" in value;
const isSpan = (value: Value): value is SpanObject => isObject(value) && "spanMs" in value;

const UNITS_MS: Readonly<Record<string, number>> = {
  weeks: 7 * DAY_MS,
  days: DAY_MS,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
};

function spanValue(ms: number): SpanObject {
  return {
    spanMs: ms,
    get: (key: string) =>
      key === "days" ? Math.floor(ms / DAY_MS) : key === "total_seconds" ? () => ms / 1_000 : undefined,
    text: () =>
      `${Math.floor(ms / DAY_MS)} days, ${formatted(((ms % DAY_MS) + DAY_MS) % DAY_MS, "%H:%M:%S")}`,
  };
}

const madeMoment = (isDate: boolean): JinjaFunction => (args, kwargs) => {
  const of = (at: number, name: string, otherwise: number) =>
    Number(argument(args, kwargs, at, name) ?? otherwise);
  const [year, month, day] = [of(0, "year", 1970), of(1, "month", 1), of(2, "day", 1)];
  const at = Date.UTC(year, month - 1, day, of(3, "hour", 0), of(4, "minute", 0), of(5, "second", 0));
  return momentValue(at, undefined, isDate);
};

function isoMoment(text: string): Value {
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) || !/\d[T ]\d/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at)) throw new AppError("invalid", `"${text}" is no date in the form of ISO 8601`);
  return momentValue(at);
}

/** `modules`: what of Python's modules a template can use. `onNow` is told where it asks what time it is. */
export function pythonModules(now: Moment, onNow: () => void): Value {
  const moment: JinjaFunction = () => {
    onNow();
    return momentValue(now);
  };
  const withNames = (call: JinjaFunction, names: Readonly<Record<string, JinjaFunction>>): JinjaObject => ({
    get: (name) => names[name],
    text: () => "<class>",
    call,
  });
  const datetime = withNames(madeMoment(false), {
    now: moment,
    utcnow: moment,
    today: moment,
    strptime: ([text, format]) => momentValue(readMoment(textOf(text), textOf(format))),
    fromisoformat: ([text]) => isoMoment(textOf(text)),
    combine: ([date]) => date,
  });
  const date = withNames(madeMoment(true), {
    today: () => {
      onNow();
      return momentValue(Math.floor(now / DAY_MS) * DAY_MS, undefined, true);
    },
    fromisoformat: ([text]) => isoMoment(textOf(text)),
  });
  const timedelta: JinjaFunction = (args, kwargs) =>
    spanValue(
      Number(args[0] ?? 0) * DAY_MS +
        [...kwargs].reduce((sum, [unit, count]) => sum + Number(count) * (UNITS_MS[unit] ?? NaN), 0),
    );
  const timezone: JinjaFunction = ([name]) => ({
    get: (key: string) => key === "localize" ? ([at]: readonly Value[]) => at : undefined,
    text: () => textOf(name),
  });
  return new Map<Value, Value>([
    ["datetime", new Map<Value, Value>([["datetime", datetime], ["date", date], ["timedelta", timedelta]])],
    ["pytz", new Map<Value, Value>([["timezone", timezone], ["utc", timezone(["UTC"], new Map())]])],
    [
      "re",
      new Map<Value, Value>([
        ["sub", ([of, to, text]: readonly Value[]) => {
          const filled = textOf(to).replace(/\$/g, "$$$$").replace(/\\g?<?(\d)>?/g, "$$$1");
          return textOf(text).replace(expression(of, "g", text), filled);
        }],
        ["match", ([of, text]: readonly Value[]) => matched(expression(of, "y", text).exec(textOf(text)))],
        ["search", ([of, text]: readonly Value[]) => matched(expression(of, "", text).exec(textOf(text)))],
        ["split", ([of, text]: readonly Value[]) => textOf(text).split(expression(of, "", text))],
      ] as [Value, JinjaFunction][]),
    ],
  ]);
}

const MAX_SEARCHED = 5_000;

/** No expression that could take forever: JavaScript's go back over what they have read. */
function expression(of: Value, flags: string, text: Value): RegExp {
  const source = textOf(of).replace(/\(\?P</g, "(?<");
  const open = [...source.replace(/\\./g, "").replace(/\[[^\]]*\]/g, "x").matchAll(/[*+]|\{\d*,/g)].length;
  const isNested = /\)(?:[*+]|\{\d*,)/.test(source.replace(/\\./g, ""));
  if (
    open > 2 || isNested || source.length > 500 || textOf(text).length > MAX_SEARCHED ||
    /\\[1-9]/.test(source)
  ) {
    throw new AppError("invalid", `modules.re with "${source}" could take too long: write its result`);
  }
  try {
    return new RegExp(source, flags);
  } catch {
    throw new AppError("invalid", `"${source}" is no regular expression that is known here`);
  }
}

function matched(found: RegExpExecArray | null): Value {
  if (found === null) return null;
  return {
    get: (key: string) =>
      key === "group"
        ? ([at = 0]: readonly Value[]) => found[Number(at)] ?? found.groups?.[textOf(at)] ?? null
        : key === "groups"
        ? () => found.slice(1)
        : undefined,
    text: () => found[0],
  };
}
