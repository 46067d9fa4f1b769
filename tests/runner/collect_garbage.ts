/**
 * Loaded before each test file. Deno 2.9.5 runs some finalizers of native objects twice where an
 * isolate ends after some of them were collected, and crashes (denoland/deno#36538, fixed after
 * 2.9.5). Where all were collected before, there is nothing left to run. The program itself ends by
 * Deno.exit, which runs none. Half of the files have no native library, and are done sooner without.
 */

const ROUNDS = 3;

/** There with --expose-gc. */
const collect: unknown = Reflect.get(globalThis, "gc");

Deno.test.afterAll(async () => {
  if (!hasNativeLibrary()) return;
  if (typeof collect !== "function") throw new Error("Run the tests with --v8-flags=--expose-gc");
  for (let round = 0; round < ROUNDS; round++) {
    collect();
    // Finalizers run in a task of their own.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});

/** Whether this process has one, or may have one where the system does not tell. */
function hasNativeLibrary(): boolean {
  return Deno.build.os !== "linux" || /\.node$/m.test(Deno.readTextFileSync("/proc/self/maps"));
}
