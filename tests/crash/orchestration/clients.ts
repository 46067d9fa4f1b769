import type { Backfill } from "../../../contract/backfills/backfill.ts";
import type { Run } from "../../../contract/run.ts";
import type { TestDatabase } from "../../support/postgres.ts";
import { pause, type Place } from "./places.ts";
import { HOOK_SECRET, WINDOWS } from "./project.ts";
import { TOKEN } from "../../support/sluice_server.ts";

const ANSWER_MS = 4_000;
const AGAIN_MS = 60;
/** While more runs wait than this nothing new is asked for: the machine may be slow. */
const MOST_WAITING = 10;

/** What was asked for, and what was said to it. */
export interface Said {
  /** Ids of rows that were answered with 202: each is there once in the end. */
  readonly taken: Set<number>;
  /** Of those that had no answer: there once or not at all. */
  readonly unknown: Set<number>;
  /** Of those that were refused: not there. */
  readonly refused: Set<number>;
  /** The `n` of requests for runs → the run that the answer named. */
  readonly asked: Map<number, string>;
  /** Requests for runs that fail, and those that do not. */
  readonly shaky: Map<string, boolean>;
  /** Rows of the source. */
  readings: number;
  /** What an answer said that it must not say. */
  readonly wrong: string[];
}

export interface ClientsContext {
  readonly places: readonly Place[];
  readonly database: TestDatabase;
  readonly random: () => number;
}

/** Programs that go on asking things of a server that is killed again and again, each in its own time. */
export class Clients {
  readonly said: Said = {
    taken: new Set(),
    unknown: new Set(),
    refused: new Set(),
    asked: new Map(),
    shaky: new Map(),
    readings: 0,
    wrong: [],
  };
  readonly #context: ClientsContext;
  readonly #stopping = new AbortController();
  #work: Promise<unknown> = Promise.resolve();
  #rows = 0;
  #requests = 0;

  constructor(context: ClientsContext) {
    this.#context = context;
  }

  start(): void {
    this.#work = Promise.all([
      this.#fill(),
      this.#repeat(1_200, () => this.#ask()),
      this.#repeat(1_800, () => this.#askShaky()),
      this.#repeat(120, () => this.#post()),
      this.#repeat(90, () => this.#insert()),
    ]);
  }

  /** What was begun is asked for until it is answered. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  async #repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await work();
      await pause(everyMs * (0.5 + this.#context.random()));
    }
  }

  async #isBusy(): Promise<boolean> {
    const response = await this.#send(`/api/runs?state=queued&limit=${MOST_WAITING + 1}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const waiting: unknown = response?.status === 200 ? JSON.parse(response.text) : [];
    return Array.isArray(waiting) && waiting.length > MOST_WAITING;
  }

  async #insert(): Promise<void> {
    const count = 1 + Math.floor(this.#context.random() * 3);
    await this.#context.database.sql`
      INSERT INTO readings SELECT n, ${"reading "} || n FROM generate_series(${this.said.readings + 1}::int,
        ${this.said.readings + count}::int) AS n`;
    this.said.readings += count;
  }

  async #post(): Promise<void> {
    const { random } = this.#context;
    const ids = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ++this.#rows);
    const body = JSON.stringify(ids.map((id) => ({ id, name: `order ${id}` })));
    const kind = random();
    if (kind < 0.1) {
      const status = await this.#postOnce(body, { authorization: "Bearer wrong-secret-of-the-hook" });
      return this.#refuse(ids, status, [401, 429]);
    }
    if (kind < 0.2) return this.#refuse(ids, await this.#postOnce(body.slice(0, -1), {}), [400]);
    if (kind < 0.4) {
      // Without a key nobody may send it again.
      const status = await this.#postOnce(body, {});
      const into = status === 202 ? this.said.taken : this.said.unknown;
      if (status !== undefined && status !== 202 && status < 500) {
        this.said.wrong.push(`a post was answered with ${status}`);
      }
      for (const id of ids) into.add(id);
      return;
    }
    const status = await this.#untilAnswered(() =>
      this.#postOnce(body, { "idempotency-key": `post ${ids[0]}` })
    );
    if (status !== 202) this.said.wrong.push(`a post was answered with ${status}`);
    for (const id of ids) this.said.taken.add(id);
  }

  #refuse(ids: readonly number[], status: number | undefined, expected: readonly number[]): void {
    if (status !== undefined && status < 500 && !expected.includes(status)) {
      this.said.wrong.push(`a post that is not right was answered with ${status}`);
    }
    for (const id of ids) this.said.refused.add(id);
  }

  async #postOnce(body: string, headers: Record<string, string>): Promise<number | undefined> {
    const response = await this.#send("/hooks/orders/orders", {
      method: "POST",
      headers: { authorization: `Bearer ${HOOK_SECRET}`, "content-type": "application/json", ...headers },
      body,
    });
    return response?.status;
  }

  async #ask(): Promise<void> {
    if (await this.#isBusy()) return;
    const n = ++this.#requests;
    const run = await this.#trigger("asked", `ask-${n}`, { n });
    if (run !== undefined) this.said.asked.set(n, run);
    // Who is not sure asks again.
    if (this.#context.random() < 0.3 && await this.#trigger("asked", `ask-${n}`, { n }) !== run) {
      this.said.wrong.push(`the key ask-${n} started two runs`);
    }
  }

  async #askShaky(): Promise<void> {
    if (await this.#isBusy()) return;
    const n = ++this.#requests;
    const fails = this.#context.random() < 0.6;
    const run = await this.#trigger("shaky", `shaky-${n}`, { fails });
    if (run !== undefined) this.said.shaky.set(run, fails);
  }

  async #trigger(
    pipeline: string,
    key: string,
    params: Readonly<Record<string, unknown>>,
  ): Promise<string | undefined> {
    return await this.#untilAnswered(async () => {
      const run = await this.#call<Run>(`/api/pipelines/${pipeline}/runs`, { params }, {
        "idempotency-key": key,
      });
      return run?.id;
    });
  }

  /** The whole backfill is one request; its group makes it the same one when it comes again. */
  async #fill(): Promise<void> {
    const from = "2026-01-01";
    const to = new Date(Date.parse(from) + WINDOWS * 86_400_000).toISOString().slice(0, 10);
    const request = { from, to, every: "1d", group: "all-of-it", window_only: true };
    const made = await this.#untilAnswered(() =>
      this.#call<Backfill>("/api/pipelines/filled/backfills", request)
    );
    if (made?.total !== WINDOWS) this.said.wrong.push(`the backfill has ${made?.total} runs`);
  }

  async #call<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T | undefined> {
    const response = await this.#send(path, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    if (response === undefined || response.status >= 500) return undefined;
    if (response.status >= 300) this.said.wrong.push(`${path}: ${response.status} ${response.text}`);
    return JSON.parse(response.text);
  }

  /** Undefined where there was no whole answer. */
  async #send(path: string, init: RequestInit): Promise<{ status: number; text: string } | undefined> {
    const { places, random } = this.#context;
    const open = places.flatMap(({ server }) => server === undefined ? [] : [server.url]);
    const url = open[Math.floor(random() * open.length)];
    if (url === undefined) return undefined;
    try {
      const response = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined;
    }
  }

  /** Undefined where nobody answers any more. */
  async #untilAnswered<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
    for (;;) {
      const answer = await ask();
      if (answer !== undefined && !(typeof answer === "number" && answer >= 500)) return answer;
      const isServed = this.#context.places.some(({ server }) => server !== undefined);
      if (this.#stopping.signal.aborted && !isServed) return undefined;
      await pause(AGAIN_MS);
    }
  }
}
