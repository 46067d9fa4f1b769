import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { buildGraph } from "../../../../sql/language/graph/analyze_graph.ts";
import { namesState, selectSteps } from "../../../../sql/language/selector.ts";
import { models, withSession } from "../fixtures.ts";

/** raw.orders → stg_orders → daily → weekly; raw.items → stg_items → daily; lone. */
const graph = await withSession((session) =>
  buildGraph(session, {
    streams: [{ name: "orders", tags: ["shop"], tables: ["orders__lines"] }, "items"],
    models: models({
      stg_orders: "/* @sluice\ntags: [staging, shop]\n*/ FROM raw.orders",
      stg_items: "/* @sluice\ntags: [staging]\n*/ FROM raw.items",
      daily: "FROM stg_orders, stg_items",
      weekly: "FROM daily",
      lone: "/* @sluice\nmaterialized: view\n*/ SELECT 1 AS x",
      checked:
        "/* @sluice\ncolumns: { x: { checks: [not_null] } }\nchecks: [{ name: whole, sql: SELECT * FROM daily }]\n*/ FROM lone",
    }),
  })
);

const SELECTIONS: Readonly<Record<string, string>> = {
  "daily": "daily",
  "DAILY": "daily",
  "model:daily": "daily",
  "main.daily": "daily",
  "raw.orders": "raw.orders",
  "extract:orders": "raw.orders",
  "raw.Orders__lines": "raw.orders",
  "raw.*__lines+1": "raw.orders stg_orders",
  "+daily": "raw.items raw.orders daily stg_items stg_orders",
  "daily+": "daily weekly",
  "+daily+": "raw.items raw.orders daily stg_items stg_orders weekly",
  "1+weekly": "daily weekly",
  "2+weekly": "daily stg_items stg_orders weekly",
  "0+weekly": "weekly",
  "raw.orders+1": "raw.orders stg_orders",
  "1+daily+1": "daily stg_items stg_orders weekly",
  "stg_*": "stg_items stg_orders",
  "STG_?rders": "stg_orders",
  "raw.*": "raw.items raw.orders",
  "*": "checked daily lone stg_items stg_orders weekly",
  "tag:staging": "stg_items stg_orders",
  "tag:shop": "raw.orders stg_orders",
  "tag:s*": "raw.orders stg_items stg_orders",
  "tag:shop+": "raw.orders daily stg_orders weekly",
  "lone weekly": "lone weekly",
  "  lone \n weekly ": "lone weekly",
  "tag:staging,tag:shop": "stg_orders",
  "+daily,raw.*": "raw.items raw.orders",
  "+daily -raw.*": "daily stg_items stg_orders",
  "-daily+": "raw.items raw.orders checked lone stg_items stg_orders",
  "-tag:shop -lone": "raw.items checked daily stg_items weekly",
  "daily+ -weekly": "daily",
  "-weekly daily+": "daily",
  "+checked": "raw.items raw.orders checked daily lone stg_items stg_orders",
  "+daily,raw.* lone": "raw.items raw.orders lone",
  "source:orders": "raw.orders",
  "source:orders+1": "raw.orders stg_orders",
  "@stg_orders": "raw.items raw.orders daily stg_items stg_orders weekly",
  "@weekly": "raw.items raw.orders daily stg_items stg_orders weekly",
  "@lone": "raw.items raw.orders checked daily lone stg_items stg_orders",
  "path:transforms/shop/stg_orders.sql": "stg_orders",
  "path:transforms/shop/stg_*": "stg_items stg_orders",
  "path:transforms": "checked daily lone stg_items stg_orders weekly",
  "path:./transforms/shop/,tag:shop": "stg_orders",
  "config.materialized:view": "lone",
  "config.materialized:t*,+weekly": "daily stg_items stg_orders weekly",
  "state:modified": "raw.items daily",
  "state:modified+": "raw.items daily stg_items weekly",
  "1+state:modified": "raw.items daily stg_items stg_orders",
  "state:new": "daily",
  "* -state:modified": "checked lone stg_items stg_orders weekly",
  "state:modified,raw.*": "raw.items",
};

/** What has changed there. */
const STATES = {
  modified: new Set(["model:daily", "extract:items"]),
  new: new Set(["model:daily"]),
};
const NO_STATES = { modified: new Set<string>(), new: new Set<string>() };

for (const [expression, expected] of Object.entries(SELECTIONS)) {
  Deno.test(`selectSteps() understands ${JSON.stringify(expression)}`, () => {
    const names = [...selectSteps(expression, graph, STATES).steps].map((name) =>
      name.replace("extract:", "raw.").replace("model:", "")
    );
    assert.equal(
      names.sort((a, b) => Number(b.startsWith("raw.")) - Number(a.startsWith("raw.")) || (a < b ? -1 : 1))
        .join(" "),
      expected,
    );
  });
}

Deno.test("selectSteps() loads what @ reads on to, and not what it takes along", () => {
  assert.deepEqual([...selectSteps("@daily", graph).loaded], ["model:daily", "model:weekly"]);
});

Deno.test("selectSteps() takes a state that is not known yet for any step, and refuses one that nothing has", () => {
  assert.equal(selectSteps("state:modified", graph).steps.size, graph.order.length);
  assert.deepEqual([...selectSteps("daily,state:new", graph).steps], ["model:daily"]);
  assert.equal(selectSteps("* -state:modified", graph).steps.has("model:daily"), true);
  assert.throws(() => selectSteps("state:modified+", graph, NO_STATES), /no step has changed/);
  assert.equal(selectSteps("* -state:new", graph, NO_STATES).steps.has("model:daily"), true);
});

Deno.test("namesState() finds a state among others", () => {
  for (
    const one of ["state:new", "a 2+state:modified+", "tag:x,state:new", "@state:new", "-state:modified"]
  ) {
    assert.ok(namesState(one), one);
  }
  for (const one of ["a", "tag:state", "estate:new"]) assert.ok(!namesState(one), one);
});

Deno.test("selectSteps() answers steps in the graph's order", () => {
  assert.deepEqual(
    [...selectSteps("weekly +daily", graph).steps],
    graph.order.filter((name) => !["model:lone", "model:checked"].includes(name)),
  );
});

const CHECKS: Readonly<Record<string, readonly string[]>> = {
  "check:*": ["check:checked.not_null_x", "check:checked.whole"],
  "CHECK:Checked": ["check:checked.not_null_x", "check:checked.whole"],
  "check:checked.whole": ["check:checked.whole"],
  "check:*.not_null_*": ["check:checked.not_null_x"],
  "check:*,tag:shop lone check:*.whole": [],
  "check:*,path:transforms/shop/che*": ["check:checked.not_null_x", "check:checked.whole"],
  "check:*.whole,lone+": ["check:checked.whole"],
  "check:* -check:checked.whole": ["check:checked.not_null_x"],
};

for (const [expression, expected] of Object.entries(CHECKS)) {
  Deno.test(`selectSteps() names the checks of ${JSON.stringify(expression)} alone`, () => {
    if (expected.length === 0) {
      return void assert.throws(
        () => selectSteps(expression, graph),
        /no check is in "check:\*" and "tag:shop"/,
      );
    }
    const { steps, checks } = selectSteps(expression, graph);
    assert.deepEqual([...checks], expected);
    assert.equal(steps.size, 0);
  });
}

const REFUSED: Readonly<Record<string, RegExp>> = {
  "": /the expression is empty/,
  "   ": /the expression is empty/,
  "lone,daily": /Cannot select "lone,daily": no step is in "lone" and "daily" at once/,
  "daily,raw.*": /no step is in "daily" and "raw\.\*" at once/,
  "lone daily,raw.*": /no step is in "daily" and "raw\.\*" at once/,
  "daily -+daily": /nothing is left/,
  "* raw.* -* -raw.*": /nothing is left/,
  "-dayly": /no model is called dayly \(did you mean daily\?\)/,
  "-": /expected a step/,
  "dayly": /Cannot select "dayly": no model is called dayly \(did you mean daily\?\)/,
  "orders": /Cannot select "orders": no model is called orders \(did you mean raw.orders\?\)/,
  "raw.order": /no stream is called order \(did you mean raw.orders\?\)/,
  "extract:daily": /no stream is called daily/,
  "tag:stagin": /no step has the tag stagin \(did you mean tag:staging\?\)/,
  "x_*": /no model is called x_\*/,
  "daily,": /Cannot select "" in "daily,": expected a step/,
  "+": /Cannot select "\+": expected a step/,
  "a++b": /expected a step/,
  "daily+x": /expected a step/,
  "model:": /no model is called/,
  "daily weakly": /did you mean weekly/,
  "path:transforms/shp":
    /no model's file is transforms\/shp or in it \(did you mean path:transforms\/shop\?\)/,
  "config.materialized:viw": /no model is materialized as viw \(did you mean config.materialized:view\?\)/,
  "state:modifid": /there is no state modifid \(did you mean state:modified\?\)/,
  "@": /expected a step/,
  "+@daily": /expected a step/,
  "check:checkd": /no check is called checkd \(did you mean check:checked\?\)/,
  "+check:checked": /checks have neither \+ nor @/,
  "check:checked+": /no check is called checked\+/,
  "-check:checked": /what is built is always checked/,
  "lone -check:checked": /what is built is always checked/,
  "check:* -check:*": /nothing is left/,
  "da[iy": /no model is called da\[iy/,
};

for (const [expression, message] of Object.entries(REFUSED)) {
  Deno.test(`selectSteps() refuses ${JSON.stringify(expression)}`, () => {
    assert.throws(() => selectSteps(expression, graph), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "invalid");
      assert.match(error.message, message);
      return true;
    });
  });
}

const LOADED: Readonly<Record<string, string>> = {
  "daily": "daily",
  "+daily": "daily",
  "+daily+": "daily weekly",
  "+daily stg_*": "daily stg_items stg_orders",
  "stg_orders+1": "daily stg_orders",
  "tag:staging": "stg_items stg_orders",
  "+daily,stg_*": "",
  "-daily+": "orders items checked lone stg_items stg_orders",
  "+weekly -weekly": "",
};

for (const [expression, expected] of Object.entries(LOADED)) {
  Deno.test(`selectSteps() loads what ${JSON.stringify(expression)} names or leads to, not what that needs`, () => {
    const names = [...selectSteps(expression, graph).loaded].map((name) => name.split(":")[1]);
    assert.deepEqual(names.sort(), expected.split(" ").filter((name) => name !== "").sort());
  });
}
