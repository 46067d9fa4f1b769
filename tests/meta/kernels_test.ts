import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { compileKernel, kernelNames } from "../../kernels/build.ts";
import { ROOT } from "./module_graph.ts";

Deno.test("each kernel is compiled of its source, and nothing else is there", async () => {
  const names = await kernelNames();
  ok(names.length > 0);
  const compiled = await Array.fromAsync(
    Deno.readDir(join(ROOT, "kernels", "compiled")),
    ({ name }) => name,
  );
  deepStrictEqual(compiled.toSorted(), names.map((name) => `${name}.ts`));
  for (const name of names) {
    const committed = await Deno.readTextFile(join(ROOT, "kernels", "compiled", `${name}.ts`));
    strictEqual(committed, await compileKernel(name), `${name}: run deno task kernels`);
  }
});
