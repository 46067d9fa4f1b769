import { systemClock } from "../../../contract/clock.ts";
import { createAudit } from "../../../engine/control/audit/audit_log.ts";
import { openStore } from "../../../engine/store/open.ts";

/** Changes one thing after the other, with a line each, and prints what was begun and what was done, until it is killed. */
const [url = "", prefix = ""] = Deno.args;
const store = await openStore(url);
const audit = createAudit({ store: store.audit, clock: systemClock, log: () => {} });
const actor = { id: null, name: prefix, kind: "server" } as const;
const encoder = new TextEncoder();
const say = (text: string) => void Deno.stdout.writeSync(encoder.encode(`${text}\n`));
for (let n = 0;; n++) {
  const name = `${prefix}-${n}`;
  const change = () => {
    say(`begun ${name}`);
    return Promise.resolve();
  };
  await audit.around({ action: "user.create", actor, target: { kind: "user", name } }, change);
  say(`done ${name}`);
}
