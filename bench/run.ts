import { join } from "node:path";

/** `deno task bench NAME [options]`: runs one benchmark of this folder in a process of its own. */

const folder = import.meta.dirname ?? ".";
const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name))
  .filter((name) => name.endsWith(".ts") && name !== "run.ts")
  .map((name) => name.slice(0, -".ts".length))
  .toSorted();
const [name = "", ...options] = Deno.args;
if (!names.includes(name)) {
  console.error(`deno task bench NAME [options], where NAME is one of: ${names.join(", ")}`);
  Deno.exit(2);
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-all", "--frozen", "--quiet", join(folder, `${name}.ts`), ...options],
}).spawn().status;
Deno.exit(code);
