import type { Context } from "../context/context.ts";
import type { Findings } from "../findings.ts";
import type { Tables } from "../context/rendering.ts";
import type { Manifest } from "../project/manifest.ts";
import type { DbtFile } from "../project/read_project.ts";
import type { CheckContext } from "../tests/checks.ts";
import type { Hooks } from "./hooks.ts";

/** Models of dbt as files of SQL with a header. */

export interface ImportedModel {
  readonly name: string;
  readonly file: DbtFile;
  readonly header: Record<string, unknown>;
  readonly sql: string;
  readonly sources: ReadonlySet<string>;
  readonly references: ReadonlySet<string>;
  /** Its text is still the template's: a finding says why. */
  readonly isTemplate?: boolean;
  /** Nobody has to look at it. */
  readonly isWhole: boolean;
}

export interface Variable {
  readonly type: string;
  readonly default: string;
}

export interface ModelWork {
  readonly context: Context;
  readonly findings: Findings;
  readonly manifest: Manifest;
  readonly tables: Tables;
  readonly hooks: Hooks;
  /** Those that SQL reads as variables are put here. */
  readonly variables: Map<string, Variable>;
  checks(file: string): CheckContext;
}
