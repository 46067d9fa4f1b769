import { deepEqual } from "node:assert/strict";
import { fieldName, readRunForm, toRunRequest } from "../../../ui/parts/runs/run_form.ts";

function request(fields: Record<string, string>) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return toRunRequest(readRunForm(form));
}

Deno.test("toRunRequest() gives each param as it was written", () => {
  deepEqual(
    request({
      [fieldName("region")]: "1",
      [fieldName("limit")]: "-12",
      [fieldName("ratio")]: "0.5",
      [fieldName("full")]: "false",
      [fieldName("day")]: "2026-01-31",
      full_refresh: "yes",
      select: " +daily ",
      other: "left out",
    }),
    {
      params: { region: "1", limit: "-12", ratio: "0.5", full: "false", day: "2026-01-31" },
      fullRefresh: true,
      select: "+daily",
    },
  );
});

Deno.test("toRunRequest() leaves an empty field to the default", () => {
  deepEqual(request({ [fieldName("limit")]: "", select: "" }), { params: {}, fullRefresh: false });
});
