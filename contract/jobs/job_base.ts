import type { ConnectorDefinition } from "../connector/entry.ts";

/**
 * A connector with its references resolved. It holds secrets: it travels over stdin, never as an argument.
 */
export interface ResolvedConnector {
  readonly type: string;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface JobBase {
  readonly projectDir: string;
  /** Where DuckDB may spill; the server removes it afterwards. */
  readonly tempDir: string;
  /** As connectors.yaml has them: references are resolved when the process asks for the config. */
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>;
  readonly duckdb: DuckDbGrant;
}

/** What the job's DuckDB is locked to. Paths are absolute, links followed. */
export interface DuckDbGrant {
  /** What it may read and write besides the warehouse. */
  readonly directories: readonly string[];
  readonly files: readonly string[];
  /** As DuckDB writes it, `4GB`; its own default where it is absent. */
  readonly memoryLimit?: string;
  readonly spillLimit?: string;
}
