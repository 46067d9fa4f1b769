import { openStore } from "../../../engine/store/open.ts";
import {
  addPipeline,
  claim,
  lease,
  logLine,
  newRun,
  outcome,
  step,
} from "../../unit/engine/store/store_fixture.ts";

/**
 * Writes to the store at the url in its argument until it is killed, and prints each thing that the
 * store has confirmed: `created ID`, `logged ID`, `succeeded ID`.
 */
const [url = "", prefix = ""] = Deno.args;
const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

const store = await openStore(url);
await addPipeline(store, "a");
for (let n = 0;; n++) {
  const id = `${prefix}-${n}`;
  await store.runs.create(newRun(id));
  say(`created ${id}`);
  const run = await claim(store, prefix, 1_000);
  if (run === undefined) continue;
  const held = lease(run.id, run.attempt, prefix);
  await store.attempts.putSteps(held, [step("model:a"), step("model:b")]);
  await store.logs.append(held, Array.from({ length: 200 }, (_, at) => logLine(at + 1)));
  say(`logged ${run.id}`);
  const ended = await store.attempts.finish(held, "succeed", outcome());
  if (ended !== undefined) say(`succeeded ${ended.id}`);
}
