import { deepStrictEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { sluiceArgs, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`a check that ${signal} stops leaves nothing in the temporary folder`, async () => {
    // Takes connections and says nothing: the check waits for it.
    using source = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    ok(source.addr.transport === "tcp");
    await using project = await TestProject.create({
      "connectors.yaml":
        `shop: { type: postgres, host: 127.0.0.1, port: ${source.addr.port}, user: x, database: x }\n`,
      "pipelines/orders.yaml": "extract: { orders: { connector: shop, stream: public.orders } }\n",
    });
    const temp = join(project.folder, "temp");
    await Deno.mkdir(temp);
    const child = new Deno.Command(Deno.execPath(), {
      args: [...sluiceArgs("check"), "--project", project.projectDir],
      env: { TMPDIR: temp },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const found = await waitFor(async () => {
      const names = await namesIn(temp);
      return names.some((name) => name.startsWith("sluice-check-")) ? names : undefined;
    }, 30_000);
    child.kill(signal);
    const { code, stderr } = await child.output();
    ok(found !== undefined, "the check never began");
    deepStrictEqual([code, await namesIn(temp)], [2, []]);
    match(new TextDecoder().decode(stderr), /Stopped before all was checked/);
  });
}
