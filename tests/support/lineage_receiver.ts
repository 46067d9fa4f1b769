import { fail } from "node:assert/strict";
import { Ajv } from "ajv";
import type { RunEvent } from "../../engine/runs/telemetry/lineage/run_event.ts";
import { RUN_EVENT_SCHEMA } from "./openlineage_schema.ts";

const PATIENCE_MS = 120_000;

/** Whoever is told of lineage: holds each event against the specification, and answers as it is told, then with 201. */
export class LineageReceiver implements AsyncDisposable {
  readonly events: RunEvent[] = [];
  readonly headers: Headers[] = [];
  readonly paths = new Set<string>();
  /** What of events was not as it has to be. */
  readonly faults: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #held = Promise.withResolvers<void>();

  constructor(answers: readonly (Response | "hang")[] = [], port = 0) {
    const rest = [...answers];
    const ajv = new Ajv({
      strict: false,
      formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, uri: /^[a-z]+:\S+$/ },
    });
    const isValid = ajv.compile<RunEvent>(RUN_EVENT_SCHEMA);
    this.#server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
      const answer = rest.shift() ?? new Response(null, { status: 201 });
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const event: unknown = await request.json();
      this.paths.add(new URL(request.url).pathname);
      this.headers.push(request.headers);
      if (isValid(event)) this.events.push(event);
      else this.faults.push(`${ajv.errorsText(isValid.errors)}: ${JSON.stringify(event)}`);
      if (answer !== "hang") return answer;
      await this.#held.promise;
      return new Response();
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** `START shop`, in the order in which they came. */
  get told(): string[] {
    return this.events.map(({ eventType, job }) => `${eventType} ${job.name}`);
  }

  /** Returns when there were so many events; fails where there are not within half a minute. */
  async until(events: number): Promise<void> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    while (this.events.length < events) {
      if (Date.now() > deadlineMs) fail(`only these came: ${this.told}; ${this.faults}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.resolve();
    await this.#server.shutdown();
  }
}
