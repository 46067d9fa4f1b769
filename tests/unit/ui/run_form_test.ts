import { deepEqual, equal, throws } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { fieldName, paramsOf, readRunForm, toRunRequest } from "../../../ui/parts/runs/run_form.ts";

const DEFINITIONS = paramsOf({
  definition: {
    params: {
      region: { default: "eu" },
      limit: { type: "integer" },
      ratio: { type: "number" },
      full: { type: "boolean" },
      day: { type: "date" },
    },
  },
});

function request(fields: Record<string, string>) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return toRunRequest(readRunForm(form), DEFINITIONS);
}

Deno.test("toRunRequest() gives each param the type of its definition", () => {
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
      params: { region: "1", limit: -12, ratio: 0.5, full: false, day: "2026-01-31" },
      fullRefresh: true,
      select: "+daily",
    },
  );
});

Deno.test("toRunRequest() leaves an empty field to the default", () => {
  deepEqual(request({ [fieldName("limit")]: "", select: "" }), { params: {}, fullRefresh: false });
});

Deno.test("toRunRequest() keeps an integer exact that a number cannot hold", () => {
  deepEqual(request({ [fieldName("limit")]: "9007199254740993" }).params, { limit: "9007199254740993" });
});

Deno.test("toRunRequest() refuses a value of the wrong type, naming the param and the value", () => {
  const refused = (fields: Record<string, string>, message: string) =>
    throws(
      () => request(fields),
      (error: unknown) => error instanceof AppError && error.code === "invalid" && error.message === message,
    );
  refused({ [fieldName("limit")]: "ten" }, 'Cannot start the run: param "limit" is "ten", expected integer');
  refused(
    { [fieldName("full")]: "maybe" },
    'Cannot start the run: param "full" is "maybe", expected boolean',
  );
});

Deno.test("paramsOf() has nothing for a definition without params or with some that cannot be read", () => {
  deepEqual(paramsOf({ definition: null }), {});
  deepEqual(paramsOf({ definition: { params: "none" } }), {});
  equal(Object.keys(DEFINITIONS).length, 5);
});
