import { deepEqual, equal, throws } from "node:assert/strict";
import {
  environmentOf,
  placedName,
  requirePlacedName,
  splitPlacedName,
} from "../../../../contract/environments/pipeline_name.ts";
import { nameFault } from "../../../../contract/names.ts";

Deno.test("a pipeline in an environment has a name that no file can have, and that says both", () => {
  const name = placedName({ pipeline: "orders", environment: "dev" });
  equal(name, "orders@dev");
  deepEqual(splitPlacedName(name), { pipeline: "orders", environment: "dev" });
  equal(environmentOf("orders"), null);
  equal(placedName({ pipeline: "orders", environment: null }), "orders");
  equal(typeof nameFault("pipeline", name), "string");
});

Deno.test("requirePlacedName() looks at both parts", () => {
  requirePlacedName("orders");
  requirePlacedName("orders@dev");
  for (
    const wrong of ["", "@dev", "orders@", "orders@prod", "main@dev", "a@b@c", "or/ders@dev", "orders@de v"]
  ) {
    throws(() => requirePlacedName(wrong), /cannot be the name of a pipeline/, wrong);
  }
});
