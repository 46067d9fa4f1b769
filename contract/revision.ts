import type { ConnectorDefinition } from "./connector/entry.ts";
import type { PipelineDefinition } from "./pipeline/pipeline.ts";

/**
 * An immutable copy of what a pipeline is: its definition and every file that it names. `id` is the
 * hash of the rest but `gitCommit`. Paths are relative to the project, with `/`.
 */
export interface Revision {
  /** 64 hex digits of SHA-256. */
  readonly id: string;
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  /** The models, in order of their paths. */
  readonly files: readonly RevisionFile[];
  /** The entries of connectors.yaml that it names, before references are resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** 40 or 64 hex digits, and `+dirty` where the work tree differs; absent where git could not compare. */
  readonly gitCommit?: string;
}

export interface RevisionFile {
  readonly path: string;
  readonly content: string;
}

/** A pipeline as PUT /api/pipelines/:name carries it. */
export interface PipelineSource {
  /** The definition: YAML or JSON text, or its value. */
  readonly definition: string | Record<string, unknown>;
  /** Model files: name (`daily.sql`) → SQL. */
  readonly models: Readonly<Record<string, string>>;
}
