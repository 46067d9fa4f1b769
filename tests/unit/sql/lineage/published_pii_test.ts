import { deepEqual, equal } from "node:assert/strict";
import * as v from "valibot";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { withPublishedPii } from "../../../../sql/lineage/published_pii.ts";

Deno.test("a stream of a published model marks what its publisher marks, as far as it stores it", () => {
  const definition = v.parse(pipelineSchema, {
    extract: {
      people: { connector: "sluice", stream: "crm.people", rename: { Email: "mail" }, pii: ["name"] },
      others: { connector: "sluice", stream: "crm.others" },
    },
  });
  const text = (name: string) => ({ name, type: "VARCHAR" });
  const columns = { people: [text("id"), text("mail"), text("name")], others: [text("id")] };
  const people = { columns: [], pii: ["Email", "name", "phone"] };
  const marked = withPublishedPii(
    definition,
    { "crm.people": people, "crm.others": { columns: [] } },
    columns,
  );
  deepEqual(marked.extract["people"]?.pii, ["name", "Email"]);
  equal(marked.extract["others"]?.pii, undefined);
  equal(withPublishedPii(definition, {}, columns), definition);
});
