import { initial } from "./0001_initial.ts";
import type { Migration } from "./migration.ts";

/** In order of id. */
export const MIGRATIONS: readonly Migration[] = [initial];
