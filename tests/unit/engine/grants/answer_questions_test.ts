import { systemClock } from "../../../../contract/clock.ts";
import { deepEqual, equal, match } from "node:assert/strict";
import { connectors } from "../../../../connectors/registry.ts";
import type { Answer } from "../../../../contract/jobs/questions.ts";
import { createAnswers } from "../../../../engine/grants/answer_questions.ts";
import { Egress } from "../../../../engine/grants/egress/egress.ts";
import { WayOut } from "../../../../engine/grants/egress/way_out.ts";
import { defaultPolicy } from "../../../../engine/grants/policy.ts";
import { ProcessTokens } from "../../../../engine/grants/tokens/process_tokens.ts";
import { Redactor } from "../../../../engine/grants/redact.ts";

function answersOf(secrets: Map<string, string>) {
  const redactor = new Redactor();
  const egress = new Egress(systemClock);
  const { answer } = createAnswers({
    connectors,
    user: { kind: "run" },
    references: {
      env: () => undefined,
      secrets: { get: (name) => Promise.resolve(secrets.get(name)) },
    },
    definitions: {
      shop: { type: "postgres", url: "postgres://me:${secret:PW}@db/shop" },
      wrong: { type: "postgres", host: "db", user: "me", port: "${secret:PW}" },
    },
    secrets: new Set(),
    redactor,
    wayOut: new WayOut(egress, defaultPolicy("/nowhere"), []),
    tokens: new ProcessTokens(egress.tokens, "/nowhere", redactor),
  });
  return { answer, redactor };
}

const errorOf = (answer: Answer) =>
  answer.type === "refused" ? `${answer.error.code} ${answer.error.message}` : "";

Deno.test("a config is resolved when it is asked for, and its secrets are known before it is handed out", async () => {
  const secrets = new Map([["PW", "first-secret"]]);
  const { answer, redactor } = answersOf(secrets);
  deepEqual(await answer({ type: "config", id: 1, connector: "shop" }), {
    type: "config",
    id: 1,
    config: { url: "postgres://me:first-secret@db/shop" },
  });
  secrets.set("PW", "second-secret");
  const second = await answer({ type: "config", id: 2, connector: "shop" });
  deepEqual(second, { type: "config", id: 2, config: { url: "postgres://me:second-secret@db/shop" } });
  equal(redactor.redact("first-secret, second-secret"), "[redacted], [redacted]");
});

Deno.test("a process gets configs of its own pipeline, and secrets that those refer to", async () => {
  const { answer, redactor } = answersOf(new Map([["PW", "pass-word"], ["OTHER", "other-word"]]));
  deepEqual(await answer({ type: "secret", id: 1, name: "PW" }), {
    type: "secret",
    id: 1,
    value: "pass-word",
  });
  equal(redactor.redact("pass-word other-word"), "[redacted] other-word");
  match(
    errorOf(await answer({ type: "secret", id: 2, name: "OTHER" })),
    /^forbidden No connector of this pipeline refers/,
  );
  match(
    errorOf(await answer({ type: "config", id: 3, connector: "other" })),
    /^forbidden Connector "other" is none of/,
  );
  match(errorOf(await answer({ type: "config", id: 4, connector: "toString" })), /^forbidden/);
});

Deno.test("what is wrong with a config is the answer, without its secret", async () => {
  const { answer } = answersOf(new Map([["PW", "pass-word"]]));
  const wrong = errorOf(await answer({ type: "config", id: 1, connector: "wrong" }));
  match(wrong, /^invalid .*port/);
  equal(wrong.includes("pass-word"), false, wrong);
  const { answer: without } = answersOf(new Map());
  match(
    errorOf(await without({ type: "config", id: 1, connector: "shop" })),
    /^invalid Cannot resolve \$\{secret:PW\}/,
  );
  match(errorOf(await without({ type: "secret", id: 1, name: "PW" })), /^invalid There is no secret "PW"/);
});
