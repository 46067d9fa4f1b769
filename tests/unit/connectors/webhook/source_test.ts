import { deepEqual, ok } from "node:assert/strict";
import { webhookSource } from "../../../../connectors/webhook/source.ts";
import { streamSchema } from "../../../../connectors/webhook/options.ts";
import * as v from "valibot";
import { connectorContext } from "../../../support/connections.ts";

const { signal } = new AbortController();
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("bodies of another kind, and CSV with other columns altogether, are for the next read", async () => {
  const scratchDir = await Deno.makeTempDir({ prefix: "sluice-webhook-" });
  const posted = [
    ["text/csv", "a,b\n1,2\n"],
    ["text/csv", "b\n3\n"],
    ["text/csv", "x,y\n4,5\n"],
    ["application/json", '{"a":1}'],
    ["application/json", '[{"a":2}]'],
  ].map(([contentType = "", text = ""], at) => ({ seq: 10 * (at + 1), contentType, body: bytes(text) }));
  try {
    const source = webhookSource({
      ...connectorContext(scratchDir),
      scratchDir,
      posted: (_, afterSeq) => Promise.resolve(posted.find(({ seq }) => seq > afterSeq)),
    });
    const address = v.parse(streamSchema, { webhook: "orders" });
    const states: unknown[] = [];
    for (let state: { seq: number } = { seq: 0 };;) {
      const scan = await source.scan?.({ name: "orders", address, state }, signal);
      ok(scan !== undefined);
      await (await scan.prepare?.(signal))?.[Symbol.asyncDispose]();
      const next = v.parse(v.object({ seq: v.number() }), scan.state);
      if (next.seq === state.seq) break;
      states.push(next.seq);
      state = next;
    }
    deepEqual(states, [20, 30, 50]);
  } finally {
    await Deno.remove(scratchDir, { recursive: true });
  }
});
