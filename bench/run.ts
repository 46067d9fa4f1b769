import { join } from "node:path";

/** `deno task bench NAME [options]`: runs one benchmark of the rooms beside this file in a process of its own. */

const ROOMS = ["server", "sources", "sql"];

const here = import.meta.dirname ?? ".";
const pathByName = new Map<string, string>();
for (const room of ROOMS) {
  for await (const { name } of Deno.readDir(join(here, room))) {
    if (name.endsWith(".ts")) pathByName.set(name.slice(0, -".ts".length), join(here, room, name));
  }
}
const [name = "", ...options] = Deno.args;
const path = pathByName.get(name);
if (path === undefined) {
  const names = [...pathByName.keys()].toSorted();
  console.error(`deno task bench NAME [options], where NAME is one of: ${names.join(", ")}`);
  Deno.exit(2);
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-all", "--frozen", "--quiet", path, ...options],
}).spawn().status;
Deno.exit(code);
