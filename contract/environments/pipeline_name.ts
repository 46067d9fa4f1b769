import { AppError } from "../errors.ts";
import { nameFault, quoteName } from "../names.ts";

/**
 * A pipeline in an environment is a pipeline of its own, `orders@dev`: its warehouse, states, runs, snapshots and pages are
 * apart from those of `orders` by its name. No file of a project can have such a name.
 */

const SEPARATOR = "@";

export interface PlacedPipeline {
  /** As the project's files have it. */
  readonly pipeline: string;
  /** Null for production. */
  readonly environment: string | null;
}

export function placedName({ pipeline, environment }: PlacedPipeline): string {
  return environment === null ? pipeline : `${pipeline}${SEPARATOR}${environment}`;
}

export function splitPlacedName(name: string): PlacedPipeline {
  const at = name.lastIndexOf(SEPARATOR);
  if (at < 1 || at === name.length - 1) return { pipeline: name, environment: null };
  return { pipeline: name.slice(0, at), environment: name.slice(at + 1) };
}

export const environmentOf = (name: string): string | null => splitPlacedName(name).environment;

/** Throws `invalid`, reason `invalid_name`, for what can be no pipeline, in an environment or not. */
export function requirePlacedName(name: string): void {
  const { pipeline, environment } = splitPlacedName(name);
  const fault = nameFault("pipeline", pipeline) ??
    (environment === null ? undefined : nameFault("environment", environment));
  if (fault === undefined) return;
  throw new AppError("invalid", `${quoteName(name)} cannot be the name of a pipeline: ${fault}`, {
    reason: "invalid_name",
  });
}
