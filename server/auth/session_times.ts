import { AppError } from "../../contract/errors.ts";
import { DURATION_PATTERN, durationMs } from "../../contract/pipeline/words.ts";
import type { Variables } from "../../contract/settings/variables.ts";
import { SESSION_TIMES, type SessionTimes } from "./auth.ts";

const MOST_MS = 30 * 86_400_000;

/** From SLUICE_SESSION_MAX and SLUICE_SESSION_IDLE, each a duration as 12h. Throws `invalid`. */
export function readSessionTimes(env: Variables): SessionTimes {
  const maxMs = readTime(env, "SLUICE_SESSION_MAX", SESSION_TIMES.maxMs);
  return { maxMs, idleMs: Math.min(maxMs, readTime(env, "SLUICE_SESSION_IDLE", SESSION_TIMES.idleMs)) };
}

function readTime(env: Variables, name: string, fallback: number): number {
  const text = env(name);
  if (text === undefined || text === "") return fallback;
  const ms = DURATION_PATTERN.test(text) ? durationMs(text) : 0;
  if (ms >= 60_000 && ms <= MOST_MS) return ms;
  throw new AppError("invalid", `${name} is "${text}", expected a duration from 1m to 30d, as 12h`);
}
