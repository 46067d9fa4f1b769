import { type SQL, sql } from "drizzle-orm";
import { runs } from "../schema.ts";

/** Runs of pipelines in the environment, as orders@dev; undefined, and no condition, for all. */
export const inEnvironment = (environment: string | undefined): SQL | undefined =>
  environment === undefined
    ? undefined
    : sql`substr(${runs.pipeline}, -${environment.length + 1}) = ${`@${environment}`}`;
