import type { ConnectorDefinition, ConnectorHead } from "./connector/entry.ts";
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
  /** The models, what they use of macros/ and seeds/, the scripts' own modules, and a bundle of each script. */
  readonly files: readonly RevisionFile[];
  /** The entries of connectors.yaml that it names, before references are resolved. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  /** 40 or 64 hex digits, and `+dirty` where the work tree differs; absent where git could not compare. */
  readonly gitCommit?: string;
}

/** A revision without what its connectors say, which lies sealed: reading it takes no key. */
export interface ReadableRevision extends Omit<Revision, "connectors"> {
  readonly connectors: Readonly<Record<string, ConnectorHead>>;
}

export interface RevisionFile {
  readonly path: string;
  readonly content: string;
}

/** A project cannot have a file of its own there: hidden names are not read. */
const BUNDLES = ".bundles/";

/** Where a revision keeps the bundle of a script: one module with all that it imports. */
export const bundlePath = (script: string): string => `${BUNDLES}${script}`;

const SQL_FOLDERS = /^(?:transforms|macros|seeds)\//;

/**
 * What of a revision's files makes its tables (models with their defaults, macros, seeds), and what runs as a
 * script: the bundles, by the scripts' own paths.
 */
export function splitFiles(
  files: readonly RevisionFile[],
): { readonly models: readonly RevisionFile[]; readonly scripts: readonly RevisionFile[] } {
  return {
    models: files.filter(({ path }) => SQL_FOLDERS.test(path)),
    scripts: files.flatMap(({ path, content }) =>
      path.startsWith(BUNDLES) ? [{ path: path.slice(BUNDLES.length), content }] : []
    ),
  };
}

/** The files as somebody wrote them, to read. */
export function writtenFiles(files: readonly RevisionFile[]): readonly RevisionFile[] {
  return files.filter(({ path }) => !path.startsWith(BUNDLES));
}

/** A pipeline as PUT /api/pipelines/:name carries it. */
export interface PipelineSource {
  /** The definition: YAML or JSON text, or its value. */
  readonly definition: string | Record<string, unknown>;
  /** Model files: name (`daily.sql`) → SQL. */
  readonly models: Readonly<Record<string, string>>;
}
