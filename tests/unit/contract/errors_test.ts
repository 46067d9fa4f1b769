import { deepEqual, equal, ok } from "node:assert/strict";
import { AppError, boundErrorRecord, toErrorRecord, withoutDetail } from "../../../contract/errors.ts";

Deno.test("toErrorRecord() keeps the reason, and leaves it out where there is none", () => {
  const error = new AppError("conflict", "Cannot do it twice", { reason: "done_already", detail: "more" });
  deepEqual(toErrorRecord(error), {
    code: "conflict",
    reason: "done_already",
    message: "Cannot do it twice",
    detail: "more",
  });
  deepEqual(toErrorRecord(new AppError("invalid", "no")), { code: "invalid", message: "no" });
});

Deno.test("boundErrorRecord() cuts what is too long and says how much is gone", () => {
  const bounded = boundErrorRecord({
    code: "internal",
    message: "m".repeat(10_000),
    detail: "d".repeat(70_000),
  });
  ok(bounded.message.endsWith("… (1808 more characters)"), bounded.message.slice(-40));
  ok(bounded.detail?.endsWith("… (4464 more characters)"));
  const short = { code: "internal", message: "short", detail: "too" } as const;
  deepEqual(boundErrorRecord(short), short);
});

Deno.test("boundErrorRecord() leaves no half of a surrogate pair", () => {
  equal(boundErrorRecord({ code: "internal", message: "a\ud83d" }).message, "a\ufffd");
  const { message } = boundErrorRecord({ code: "internal", message: `${"x".repeat(8_191)}😀 and more` });
  ok(message.isWellFormed() && !message.includes("\ufffd"), message.slice(-60));
});

Deno.test("withoutDetail() keeps all but the detail", () => {
  equal(withoutDetail(null), null);
  deepEqual(withoutDetail({ code: "timeout", reason: "slow", message: "late", detail: "SELECT 1" }), {
    code: "timeout",
    reason: "slow",
    message: "late",
  });
});
