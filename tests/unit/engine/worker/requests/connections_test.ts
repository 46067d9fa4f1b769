import { deepEqual, equal, rejects } from "node:assert/strict";
import * as v from "valibot";
import type { Connector } from "../../../../../contract/connector/connector.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { Connections } from "../../../../../engine/worker/connections.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";

/** A database that lets in whoever knows the password of now. */
function fixture() {
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  const asked: boolean[] = [];
  const state = {
    accepted: "first",
    stored: "first",
    afresh: "first",
    goodForMs: Infinity,
    opened: 0,
    closed: 0,
  };
  const connector: Connector<{ password: string }> = {
    name: "database",
    description: "A database of the test.",
    loadModes: [],
    configSchema: v.strictObject({ password: v.string() }),
    secrets: ({ password }) => [password],
    access: () => ({ hosts: [], read: [], write: [] }),
    open: ({ password }) => {
      if (password !== state.accepted) return Promise.reject(new AppError("unauthorized", "wrong password"));
      state.opened++;
      return Promise.resolve({
        async [Symbol.asyncDispose]() {
          state.closed++;
          await Promise.resolve();
        },
      });
    },
  };
  const unasked = () => Promise.reject(new Error("not asked"));
  const connections = new Connections({
    connectors: [connector as Connector],
    definitions: { shop: { type: "database", password: "${vault:secret/shop#password}" } },
    requests: {
      config: (_name, { isAfresh = false } = {}) => {
        asked.push(isAfresh);
        const password = isAfresh ? state.afresh : state.stored;
        return Promise.resolve({ config: { password }, goodForMs: state.goodForMs });
      },
      secret: unasked,
      wayOut: unasked,
      turn: unasked,
      hold: unasked,
      posted: unasked,
      memoryOf: unasked,
      accessToken: unasked,
    },
    projectDir: "/project",
    signal: AbortSignal.any([]),
    clock,
    openDuckdb: unasked,
    scratchDir: "/scratch",
    log: () => {},
  });
  return { connections, clock, state, asked };
}

Deno.test("a password that was changed a moment ago is asked for afresh, once", async () => {
  const { connections, state, asked } = fixture();
  Object.assign(state, { accepted: "second", afresh: "second" });
  await connections.connection("shop");
  deepEqual(asked, [false, true]);
  await connections.connection("shop");
  equal(state.opened, 1);
  await connections[Symbol.asyncDispose]();
  equal(state.closed, 1);
});

Deno.test("a password that is wrong in its store, too, is told of", async () => {
  const { connections, state, asked } = fixture();
  Object.assign(state, { accepted: "second" });
  await rejects(connections.connection("shop"), /wrong password/);
  deepEqual(asked, [false, true]);
  await connections[Symbol.asyncDispose]();
});

Deno.test("where credentials near their end, steps that begin get a connection with others, and the old one goes on", async () => {
  const { connections, clock, state, asked } = fixture();
  state.goodForMs = 30_000;
  const first = await connections.connection("shop");
  await clock.advance(31_000);
  // Renewed by the server: it is the same connection, with more time.
  equal(await connections.connection("shop"), first);
  equal(asked.length, 2);
  await clock.advance(29_000);
  equal(await connections.connection("shop"), first);
  equal(asked.length, 2);
  await clock.advance(2_000);
  Object.assign(state, { accepted: "second", stored: "second" });
  const both = await Promise.all([connections.connection("shop"), connections.connection("shop")]);
  equal(both[0], both[1]);
  equal(both[0] === first, false);
  deepEqual([state.opened, state.closed, asked.length], [2, 0, 3]);
  await connections[Symbol.asyncDispose]();
  equal(state.closed, 2);
});
