import { join, resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";
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
