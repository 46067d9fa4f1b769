import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../../contract/discovery.ts";
import type { CheckContext } from "../../definitions/check/check_context.ts";
import { discoverStreams, readConnectors, testConnector } from "../../definitions/discover.ts";
import { Turns } from "../services/turns.ts";

/** The connectors of the project's files, and what their systems answer: each asks in a process of its own. */
export class AskedConnectors {
  readonly #context: () => CheckContext;
  readonly #turns = new Turns({
    atOnce: 4,
    waiting: 20,
    refusal: "4 connectors are being asked, and 20 more wait: try again in a moment",
  });

  constructor(context: () => CheckContext) {
    this.#context = context;
  }

  async list(): Promise<ConnectorSummary[]> {
    const context = this.#context();
    const types = new Map(context.connectors.map((type) => [type.name, type]));
    return Object.entries(await readConnectors(context)).map(([name, { type }]) => ({
      name,
      type,
      description: types.get(type)?.description ?? "",
    }));
  }

  async discover(connector: string, signal: AbortSignal): Promise<SourceStream[]> {
    return await this.#turns.take(() => discoverStreams(this.#context(), connector, signal), { signal });
  }

  async test(connector: string, signal: AbortSignal): Promise<ConnectorTest> {
    return await this.#turns.take(() => testConnector(this.#context(), connector, signal), { signal });
  }
}
