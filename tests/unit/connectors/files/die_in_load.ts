import { FileBench } from "./file_bench.ts";

/** Loads into the folder that it is given, and dies as by `kill -9` at the named point. */

const [folder = "", point = "", target = "", values = "", load = "{}"] = Deno.args;
const bench = await FileBench.at(folder);
await bench.load(target, values, {
  ...JSON.parse(load),
  reach: (reached) => {
    if (reached === point) Deno.kill(Deno.pid, "SIGKILL");
  },
});
