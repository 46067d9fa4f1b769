import type { Connection, Connector, ConnectorContext } from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";
import type { LogLevel } from "../../contract/log.ts";
import * as v from "valibot";
import type { ResolvedConnector } from "../../contract/job.ts";

export interface ConnectionsOptions {
  readonly connectors: readonly Connector[];
  readonly resolved: Readonly<Record<string, ResolvedConnector>>;
  readonly projectDir: string;
  readonly signal: AbortSignal;
  readonly log: (level: LogLevel, message: string) => void;
}

/** The connectors of one job, each opened when it is first needed and closed with the job. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<string, Promise<Connection>>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Throws what the connector's `open` throws; a failed one is tried again by the next call. */
  async get(name: string): Promise<Connection> {
    const opening = this.#open.get(name) ?? this.#connect(name);
    this.#open.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(name);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of this.#open.values()) {
      try {
        await (await opening)[Symbol.asyncDispose]();
      } catch {
        // What was committed is committed; a connection that closes badly changes nothing.
      }
    }
  }

  async #connect(name: string): Promise<Connection> {
    const { resolved, connectors, projectDir, signal, log } = this.#options;
    const definition = resolved[name];
    if (definition === undefined) throw new AppError("invalid", `There is no connector "${name}"`);
    const { connector, config } = parseConnector(connectors, name, definition);
    const context: ConnectorContext = { name, projectDir, signal, log };
    return await connector.open(config, context);
  }
}

/** The connector of a definition with its parsed config. Throws `invalid`, naming the connector and the key. */
export function parseConnector(
  connectors: readonly Connector[],
  name: string,
  definition: ResolvedConnector,
): { connector: Connector; config: unknown } {
  const connector = connectors.find((candidate) => candidate.name === definition.type);
  if (connector === undefined) {
    throw new AppError("invalid", `Connector "${name}" has the unknown type "${definition.type}"`);
  }
  const parsed = v.safeParse(connector.configSchema, definition.config);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const key = v.getDotPath(issue);
    throw new AppError(
      "invalid",
      `Connector "${name}"${key === null ? "" : `, key "${key}"`}: ${issue.message}`,
    );
  }
  return { connector, config: parsed.output };
}
