import { equal } from "node:assert/strict";
import { tally } from "../../../ui/parts/steps/check_list.tsx";

Deno.test("tally() counts checks by state", () => {
  equal(tally([{ state: "succeeded" }, { state: "warned" }, { state: "succeeded" }]), "2 passed, 1 warned");
  equal(tally([]), "");
});
