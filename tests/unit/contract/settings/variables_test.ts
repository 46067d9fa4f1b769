import { equal, throws } from "node:assert/strict";
import { readCount, readSwitch } from "../../../../contract/settings/variables.ts";

const only = (text: string | undefined) => () => text;

Deno.test("readSwitch() takes 1, 0 and words for them, and nothing else", () => {
  for (const text of ["1", "true", "YES", "on", " 1 "]) equal(readSwitch(only(text), "X"), true, text);
  for (const text of ["0", "false", "No", "off"]) equal(readSwitch(only(text), "X", true), false, text);
  for (const text of [undefined, "", " "]) equal(readSwitch(only(text), "X", true), true, text);
  for (const text of ["2", "maybe", "ja"]) {
    throws(() => readSwitch(only(text), "SLUICE_X"), {
      code: "invalid",
      message: /SLUICE_X is ".+", expected/,
    });
  }
});

Deno.test("readCount() takes whole numbers alone", () => {
  equal(readCount(only("0"), "X", 5), 0);
  equal(readCount(only(""), "X", 5), 5);
  for (const text of ["-1", "1.5", "1e3", "ten", "9999999999"]) {
    throws(() => readCount(only(text), "SLUICE_X", 5), { code: "invalid", message: /^SLUICE_X is/ }, text);
  }
});
