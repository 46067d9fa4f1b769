import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../contract/clock.ts";
import { createAudit } from "../../../engine/control/audit/audit_log.ts";
import { verifyChain } from "../../../engine/control/audit/verify_chain.ts";
import { StoreFixture } from "../../unit/engine/store/store_fixture.ts";
import { writeAndKill } from "../../support/write_and_kill.ts";

const WRITER = fileURLToPath(new URL("./write_audit.ts", import.meta.url));
const WRITERS = 2;
const ROUNDS = 3;

Deno.test("each change that was begun has a line, though its writers are killed, and the lines are one chain", async () => {
  await using fixture = new StoreFixture();
  const said: string[] = [];
  // The schema is there before two of them come.
  await (await fixture.open())[Symbol.asyncDispose]();
  for (let round = 0; round < ROUNDS; round++) {
    const writers = Array.from(
      { length: WRITERS },
      (_, n) => writeAndKill(WRITER, fixture.url, `writer${round}.${n}`, 11 + 10 * round + n),
    );
    said.push(...(await Promise.all(writers)).flat());
  }
  await using store = await fixture.open();
  await using audit = createAudit({ store: store.audit, clock: systemClock, log: () => {} });
  await audit.settle(Number.MAX_SAFE_INTEGER);
  const { ok, fault } = await verifyChain(store.audit, undefined);
  assert.ok(ok, fault?.message);
  const lines = await store.audit.read(0, 10_000);
  const outcomes = new Map(lines.map(({ target, outcome }) => [target?.name, outcome]));
  assert.equal(outcomes.size, lines.length, "one line each");
  for (const one of said) {
    const [event, name] = one.split(" ");
    const outcome = outcomes.get(name);
    assert.ok(
      event === "done" ? outcome === "done" : outcome !== undefined,
      `${one}, and its line says ${outcome}`,
    );
  }
});
