import { Cron } from "croner";

/** So many firings in a row are remembered of an expression: the pages show five. */
const MAX_REMEMBERED = 16;
const MAX_EXPRESSIONS = 5_000;

interface Expression {
  readonly cron: Cron;
  /** Firings in a row, epoch milliseconds: there is none between `fromMs` and the first, nor between two of them. */
  times: number[];
  fromMs: number;
}

/**
 * When cron expressions fire. Each is parsed once, and what was found is remembered: a thousand pipelines that run
 * every minute ask for the same next minute.
 */
export class CronTimes {
  readonly #expressions = new Map<string, Expression>();

  /** The first firing after the moment, epoch milliseconds; undefined for never. Throws for no cron expression. */
  after(cron: string, timezone: string, afterMs: number): number | undefined {
    const expression = this.#expression(cron, timezone);
    const { times, fromMs } = expression;
    const last = times.at(-1);
    if (last !== undefined && afterMs >= fromMs && afterMs < last) {
      return times.find((time) => time > afterMs);
    }
    const next = expression.cron.nextRun(new Date(afterMs))?.getTime();
    if (next === undefined) return undefined;
    if (afterMs === last) times.push(next);
    else [expression.times, expression.fromMs] = [[next], afterMs];
    if (times.length > MAX_REMEMBERED) expression.fromMs = times.shift() ?? afterMs;
    return next;
  }

  #expression(cron: string, timezone: string): Expression {
    const key = `${timezone} ${cron}`;
    const known = this.#expressions.get(key);
    if (known !== undefined) return known;
    if (this.#expressions.size >= MAX_EXPRESSIONS) this.#expressions.clear();
    const expression = { cron: new Cron(cron, { timezone, paused: true }), times: [], fromMs: 0 };
    this.#expressions.set(key, expression);
    return expression;
  }
}
