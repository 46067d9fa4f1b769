import { deepEqual, equal, notEqual } from "node:assert/strict";
import { join } from "node:path";
import { lookForFiles } from "../../../../connectors/files/read/look.ts";
import { DiskLocation } from "../../../../connectors/locations/disk/disk_location.ts";

Deno.test("a look names the files of a glob, none where there is none, with another tag for another content", async () => {
  const root = await Deno.makeTempDir({ prefix: "sluice_look_" });
  try {
    const location = new DiskLocation(root, { log: () => {} });
    const look = async () =>
      Object.fromEntries(
        (await lookForFiles(location, "in/*.csv", new AbortController().signal)).map((
          { name, tag },
        ) => [name, tag]),
      );
    deepEqual(await look(), {});
    await Deno.mkdir(join(root, "in"));
    deepEqual(await look(), {});
    for (const name of ["a.csv", "b.csv", "c.txt", ".hidden.csv"]) {
      await Deno.writeTextFile(join(root, "in", name), "id\n1\n");
    }
    const first = await look();
    deepEqual(Object.keys(first), ["in/a.csv", "in/b.csv"]);
    deepEqual(await look(), first);
    await Deno.writeTextFile(join(root, "in/a.csv"), "id\n1\n2\n");
    const second = await look();
    notEqual(second["in/a.csv"], first["in/a.csv"]);
    equal(second["in/b.csv"], first["in/b.csv"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
