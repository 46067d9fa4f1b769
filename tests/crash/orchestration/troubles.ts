import { pause, type Place, signal } from "./places.ts";

/** What is done to a place: each ends with a server that answers, or is on its way to. */
export type Trouble =
  | "server dies"
  | "all die"
  | "run dies"
  | "run freezes"
  | "run sleeps through a server's death"
  | "server freezes"
  | "dies at its start"
  | "dies as it stops"
  | "stops";

/** With how often each is. */
const WEIGHTS: readonly (readonly [Trouble, number])[] = [
  ["server dies", 8],
  ["all die", 4],
  ["run dies", 4],
  ["run freezes", 1],
  ["run sleeps through a server's death", 2],
  ["server freezes", 1],
  ["dies at its start", 3],
  ["dies as it stops", 3],
  ["stops", 1],
];
/** A write comes within this, or there is nothing to do. */
const WRITE_MS = 1_000;
/** What reacts to a write has done so by then. */
const BEHIND_WRITE_MS = 6;
/** A start takes about so long. */
const START_MS = 900;

export function pickTrouble(random: () => number): Trouble {
  let rest = random() * WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [trouble, weight] of WEIGHTS) {
    rest -= weight;
    if (rest < 0) return trouble;
  }
  return "server dies";
}

/** Returns how many processes were killed. None is frozen for longer than `frozenMs`. */
export async function makeTrouble(
  trouble: Trouble,
  place: Place,
  random: () => number,
  frozenMs: number,
): Promise<number> {
  switch (trouble) {
    case "server dies":
      if (random() < 0.7) {
        await place.untilWritten(WRITE_MS);
        await pause(random() * BEHIND_WRITE_MS);
      }
      await place.kill();
      await place.start();
      return 1;
    case "all die": {
      const processes = await place.processes();
      for (const pid of processes) signal(pid, "SIGKILL");
      await place.kill();
      await place.start();
      return 1 + processes.length;
    }
    case "run dies": {
      const pid = await oneOf(place, random);
      return pid !== undefined && signal(pid, "SIGKILL") ? 1 : 0;
    }
    case "run freezes": {
      const pid = await oneOf(place, random);
      if (pid === undefined || !signal(pid, "SIGSTOP")) return 0;
      await pause(random() * frozenMs);
      signal(pid, "SIGCONT");
      return 0;
    }
    case "run sleeps through a server's death": {
      // The next server is at work when it wakes.
      const pid = await oneOf(place, random);
      if (pid !== undefined) signal(pid, "SIGSTOP");
      try {
        await place.kill();
        await place.start();
        await pause(random() * frozenMs);
      } finally {
        if (pid !== undefined) signal(pid, "SIGCONT");
      }
      return 1;
    }
    case "server freezes": {
      const pid = place.server?.pid;
      if (pid === undefined || !signal(pid, "SIGSTOP")) return 0;
      await pause(random() * frozenMs);
      signal(pid, "SIGCONT");
      return 0;
    }
    case "dies at its start":
      await place.kill();
      await place.startAndKill(START_MS * random() * 1.5);
      await place.start();
      return 2;
    case "dies as it stops":
      await place.stopAndKill(400 * random());
      await place.start();
      return 1;
    case "stops":
      await place.stop();
      await place.start();
      return 0;
  }
}

async function oneOf(place: Place, random: () => number): Promise<number | undefined> {
  const found = await place.processes();
  return found[Math.floor(random() * found.length)];
}
