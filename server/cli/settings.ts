import { join, resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";
import { DURATION_PATTERN, durationMs } from "../../contract/pipeline/words.ts";
import { parseSize } from "../../text/size.ts";
import type { ProjectPlace } from "../backend.ts";
import type { CliContext, Invocation } from "./command.ts";

/**
 * From --project, --data and --policy or their variables; the working folder and `<project>/.sluice` by
 * default.
 */
export function readFolders(invocation: Invocation, context: CliContext): ProjectPlace {
  const projectDir = resolve(context.cwd, invocation.text("project") ?? ".");
  const data = invocation.text("data");
  const policy = invocation.text("policy");
  return {
    projectDir,
    dataDir: data === undefined ? join(projectDir, ".sluice") : resolve(context.cwd, data),
    policyPath: policy === undefined ? undefined : resolve(context.cwd, policy),
  };
}

/** Who gives the command, as far as the environment says. */
export function callerName(context: CliContext): string | undefined {
  return context.env("USER") || context.env("LOGNAME") || undefined;
}

/** The most that `--limit` takes. */
const MANY = 1_000_000;

/** How many of a list `--limit` and `--all` ask for. Throws `invalid`. */
export function readLimit(invocation: Invocation, fallback: number): number {
  const limit = readInteger(invocation, "limit", { minimum: 1, maximum: MANY, fallback });
  if (!invocation.flag("all")) return limit;
  if (invocation.text("limit") === undefined) return Infinity;
  throw new AppError("invalid", "--limit and --all do not go together");
}

/** An option that is a whole number from `minimum` to `maximum`. Throws `invalid`. */
export function readInteger(
  invocation: Invocation,
  option: string,
  range: { minimum: number; maximum: number; fallback: number },
): number {
  const text = invocation.text(option);
  if (text === undefined) return range.fallback;
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < range.minimum || value > range.maximum) {
    throw new AppError(
      "invalid",
      `--${option} is "${text}", expected a whole number from ${range.minimum} to ${range.maximum}`,
    );
  }
  return value;
}

/** An option that is a time, as `90s`, in milliseconds; 0 is one. Throws `invalid`. */
export function readDuration(invocation: Invocation, option: string, fallback: string): number {
  const text = invocation.text(option) ?? fallback;
  if (text === "0") return 0;
  if (text !== "" && DURATION_PATTERN.test(text)) return durationMs(text);
  throw new AppError("invalid", `--${option} is "${text}", expected a duration such as 90s, 10m or 2h`);
}

/** An option that is a size, as `512MiB`, in bytes; 0 is one. Throws `invalid`. */
export function readSize<F>(invocation: Invocation, option: string, fallback: F): number | F {
  const text = invocation.text(option);
  if (text === undefined) return fallback;
  const bytes = text === "0" ? 0 : parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new AppError("invalid", `--${option} is "${text}", expected a size such as 512MiB or 2GB, or 0`);
}
