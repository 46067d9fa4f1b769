import { placedName, requirePlacedName, splitPlacedName } from "../../contract/environments/pipeline_name.ts";
import { AppError } from "../../contract/errors.ts";
import { nameFault, quoteName } from "../../contract/names.ts";
import type { CommandSpec, OptionSpec } from "./command.ts";

/** `--env dev`: wherever a command takes a pipeline, `orders` is `orders@dev`. */

export const ENVIRONMENT = "env";

export const environment: OptionSpec = {
  type: "string",
  value: "ENVIRONMENT",
  env: "SLUICE_ENV",
  description: "in this environment of project.yaml, and not in production",
};

const takesPipeline = (name: string | undefined): boolean => /^PIPELINE\b/.test(name ?? "");

/** Commands whose pipelines are patterns of grants, or settings of the server. */
const NOT_ONE_PIPELINE = ["serve", "grant", "revoke", "tokens"];

/** With the option for each command that takes a pipeline: none may be forgotten that changes something. */
export function withEnvironment(command: CommandSpec): CommandSpec {
  const isMeant = !NOT_ONE_PIPELINE.includes(command.name) &&
    (command.arguments.some(({ name }) => takesPipeline(name)) ||
      Object.values(command.options).some(({ value }) => takesPipeline(value)));
  if (!isMeant || ENVIRONMENT in command.options) return command;
  return { ...command, options: { ...command.options, [ENVIRONMENT]: environment } };
}

/** Throws `invalid` for what is no name of one. */
export function requireEnvironmentName(name: string): void {
  const fault = nameFault("environment", name);
  if (fault === undefined) return;
  throw new AppError("invalid", `${quoteName(name)} cannot be the name of an environment: ${fault}`);
}

/**
 * What is given for an argument or option that the table calls `kind`, in the environment: `orders.daily` becomes
 * `orders@dev.daily`. Throws `invalid` where it names another one.
 */
export function inEnvironment(
  kind: string | undefined,
  given: string,
  environment: string | undefined,
): string {
  if (environment === undefined || !takesPipeline(kind)) return given;
  const dot = given.indexOf(".");
  const [name, rest] = dot === -1 ? [given, ""] : [given.slice(0, dot), given.slice(dot)];
  const placed = splitPlacedName(name);
  if (placed.environment === null) {
    const whole = placedName({ pipeline: name, environment });
    requirePlacedName(whole);
    return whole + rest;
  }
  if (placed.environment === environment) return given;
  throw new AppError(
    "invalid",
    `${
      quoteName(given)
    } is in the environment ${placed.environment}, and --env (SLUICE_ENV) says ${environment}`,
  );
}
