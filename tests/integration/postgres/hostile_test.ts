import assert from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import {
  authentication,
  type HostilePlan,
  message,
  notice,
  ready,
  startHostilePostgres,
  text,
} from "../../support/hostile_postgres.ts";
import { never } from "../../support/connections.ts";
import { openPostgres, streamRequest } from "../../support/postgres_connector.ts";

const QUERY = streamRequest({ query: "SELECT 1 AS n" });

/** What a describe of such a server throws. */
async function describeFault(plan: HostilePlan, signal = never()): Promise<AppError> {
  await using server = startHostilePostgres(plan);
  return await faultOf(async () => {
    await using connection = await openPostgres(server.url, { connect_timeout: 5 });
    await connection.source.describe(QUERY, signal);
  });
}

async function faultOf(work: () => Promise<unknown>): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    assert(error instanceof AppError, String(error));
    assert(!`${error.message} ${error.detail}`.includes("p4ssw0rd"));
    return error;
  }
  throw new Error("it went well");
}

function* forever(bytes: Uint8Array): Generator<Uint8Array> {
  for (;;) yield bytes;
}

Deno.test("a server that sends notices for ever does not keep a describe from its signal", async () => {
  const controller = new AbortController();
  const flood = new Uint8Array(100 * notice("hello").length);
  for (let i = 0; i < 100; i++) flood.set(notice("hello"), i * notice("hello").length);
  let sent = 0;
  const fault = await describeFault({
    *answer() {
      for (const bytes of forever(flood)) {
        // By then the client is busy with them, and the signal comes by a timer as a budget's does.
        if (++sent === 50) {
          setTimeout(() => controller.abort(new AppError("timeout", "the budget is spent")), 0);
        }
        yield bytes;
      }
    },
  }, controller.signal);
  assert.equal(fault.message, "the budget is spent");
  assert.equal(fault.code, "timeout");
});

Deno.test("a server that sends notices for ever while signing in is given up on in time", async () => {
  await using server = startHostilePostgres({ answer: () => [], signIn: endless(notice("wait")) });
  const fault = await faultOf(() => openPostgres(server.url, { connect_timeout: 1 }));
  assert.equal(fault.code, "unavailable");
  assert.match(fault.message, /no answer within 1 s/);
});

Deno.test("a server that does not tell what it is, is given up on in time", async () => {
  await using server = startHostilePostgres({});
  const attrs = { connect_timeout: 1, target_session_attrs: "primary" };
  const fault = await faultOf(() => openPostgres(server.url, attrs));
  assert.equal(fault.code, "unavailable");
  assert.match(fault.message, /no answer within 1 s/);
});

/** An array's iterator would end; this one does not. */
function endless(bytes: Uint8Array): readonly Uint8Array[] {
  return Object.assign([bytes], { [Symbol.iterator]: () => forever(bytes)[Symbol.iterator]() });
}

Deno.test("only so many notices are logged", async () => {
  await using server = startHostilePostgres({
    *answer() {
      for (let i = 0; i < 1_200; i++) yield notice(`n${i}`);
      yield ready();
    },
  });
  await using connection = await openPostgres(server.url);
  const fault = await faultOf(() => connection.source.describe(QUERY, never()));
  assert.match(fault.message, /no columns/);
  assert.equal(connection.messages.length, 1_001);
  assert.equal(connection.messages.at(-1), "warn: shop: further notices are not logged");
});

Deno.test("a server that does not keep to the protocol is left, and said to", async () => {
  const garbage = crypto.getRandomValues(new Uint8Array(10_000)).map((byte) => byte | 0x80);
  const answers: Readonly<Record<string, readonly Uint8Array[]>> = {
    "garbage": [garbage],
    "a message of less than its header": [message("T", undefined, 2)],
    "a message longer than any": [message("T", undefined, 0x7fff_ffff)],
    "an error without its end mark": [message("E", text("SERROR\0Moops\0"))],
    "a notice without its end mark": [message("N", text("M"))],
    "a description of more columns than it has": [message("T", new Uint8Array([127, 255, 65, 0, 0]))],
    "an unknown sign-in": [authentication(99)],
    "rows of a COPY that nobody asked for": [message("d", new Uint8Array(100))],
  };
  for (const [what, answer] of Object.entries(answers)) {
    const fault = await describeFault({ answer: () => answer });
    assert.equal(fault.code, "unavailable", what);
    assert.match(fault.message, /not PostgreSQL's protocol/, what);
  }
});

Deno.test("a description or rows without end do not fill the memory", async () => {
  // One column of 16 MB.
  const row = new Uint8Array(16 * 1024 * 1024 + 6);
  row[1] = 1;
  new DataView(row.buffer).setInt32(2, row.length - 6);
  const tooMuch = await describeFault({ answer: () => forever(message("D", row)) });
  assert.match(tooMuch.message, /not PostgreSQL's protocol: an answer of \d+ bytes/);
  const controller = new AbortController();
  const fault = await describeFault({
    *answer() {
      const columns = message("T", new Uint8Array(2));
      for (let sent = 0;; sent++) {
        if (sent === 10_000) controller.abort(new AppError("timeout", "the budget is spent"));
        yield columns;
      }
    },
  }, controller.signal);
  assert.equal(fault.message, "the budget is spent");
});

Deno.test("a server that closes in the middle is told from one that has ended", async () => {
  const parts: readonly Uint8Array[] = [
    message("T", new Uint8Array(2)).slice(0, 6),
    message("Z").slice(0, 3),
    new Uint8Array(),
  ];
  for (const part of parts) {
    const fault = await describeFault({ answer: () => [part], hangsUp: true });
    assert.equal(fault.code, "unavailable");
    assert.match(fault.message, /Cannot read the query .*(closed|reset)/);
  }
});

Deno.test("a server that asks for the password in unfair ways does not get it", async () => {
  const scram = authentication(10, "SCRAM-SHA-256\0\0");
  const plans: Readonly<Record<string, readonly [HostilePlan, RegExp]>> = {
    "in clear": [{ signIn: [authentication(3)] }, /clear text without TLS/],
    "in clear after SCRAM": [{ signIn: [scram], answer: () => [authentication(3)] }, /twice|clear text/],
    "SCRAM without a proof": [
      { signIn: [scram], answer: () => [authentication(0), ready()] },
      /without a proof/,
    ],
    "SCRAM with a wrong proof": [
      {
        signIn: [scram],
        *answer(heard) {
          const nonce = /,r=(.*)$/.exec(heard)?.[1];
          if (nonce !== undefined && !heard.includes(",p=")) {
            return yield authentication(11, `r=${nonce}server,s=c2FsdA==,i=4096`);
          }
          // In one piece, so that all of it has come when the proof is looked at.
          const all = [authentication(12, `v=${btoa("x".repeat(32))}`), authentication(0), ready()];
          yield Uint8Array.from(all.flatMap((bytes) => [...bytes]));
        },
      },
      /server signature does not match/,
    ],
    "SCRAM by another nonce": [
      { signIn: [scram], answer: () => [authentication(11, "r=other,s=c2FsdA==,i=4096")] },
      /nonce/,
    ],
    "SCRAM with work for a year": [
      { signIn: [scram], answer: () => [authentication(11, `r=other,s=c2FsdA==,i=${10 ** 12}`)] },
      /nonce|iteration/,
    ],
    "an unknown mechanism": [{ signIn: [authentication(10, "PLAIN\0\0")] }, /SCRAM-SHA-256 are supported/],
    "an unknown way": [{ signIn: [authentication(7)] }, /not PostgreSQL's protocol/],
  };
  for (const [what, [plan, words]] of Object.entries(plans)) {
    const heard: Uint8Array[] = [];
    await using server = startHostilePostgres({ ...plan, onHeard: (bytes) => heard.push(bytes) });
    const fault = await faultOf(() => openPostgres(server.url, { connect_timeout: 5 }));
    assert.match(fault.message, words, what);
    const all = heard.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
    assert(!all.includes("p4ssw0rd"), what);
  }
});
