import { formatBytes } from "../../text/format.ts";
import type { ProcessSample } from "./process_sample.ts";

/** How much larger the server may be in the last third of the time than in the first. */
const MOST_GROWTH = 0.1;
/** The files that the server has open from moment to moment differ by so many: of the store, and of requests. */
const FILE_SLACK = 4;

/** What the server held while nothing was going on. */
export interface Still extends ProcessSample {
  /** Names of what is in the data folder's tmp/. */
  readonly spills: readonly string[];
}

export interface Measured {
  /** While runs went on, without the time that the server took to warm up. */
  readonly samples: readonly ProcessSample[];
  /** Before the samples and after them. */
  readonly before: Still;
  readonly after: Still;
}

export interface Growth {
  /** Medians of the first and the last third of the samples. */
  readonly firstRssBytes: number;
  readonly lastRssBytes: number;
  readonly rssGrowth: number;
}

export function growthOf(samples: readonly ProcessSample[]): Growth {
  const third = Math.max(Math.floor(samples.length / 3), 1);
  const rssOf = (part: readonly ProcessSample[]) => median(part.map(({ rssBytes }) => rssBytes));
  const firstRssBytes = rssOf(samples.slice(0, third));
  const lastRssBytes = rssOf(samples.slice(-third));
  return { firstRssBytes, lastRssBytes, rssGrowth: lastRssBytes / firstRssBytes - 1 };
}

/** What has leaked, each in words; nothing where all is well. */
export function leaksOf({ samples, before, after }: Measured): string[] {
  const { firstRssBytes, lastRssBytes, rssGrowth } = growthOf(samples);
  const leaks: string[] = [];
  if (!(rssGrowth <= MOST_GROWTH)) {
    leaks.push(
      `the server grew by ${(rssGrowth * 100).toFixed(1)} %, from ${formatBytes(firstRssBytes)} ` +
        `to ${formatBytes(lastRssBytes)}: at most ${MOST_GROWTH * 100} % were expected`,
    );
  }
  const compare = (what: string, count: (still: ProcessSample) => number, slack: number) => {
    const [first, last] = [count(before), count(after)];
    if (last > first + slack) leaks.push(`${last} ${what} while nothing went on, ${first} before`);
  };
  compare("open files", ({ openFiles }) => openFiles, FILE_SLACK);
  compare("sockets", ({ sockets }) => sockets, FILE_SLACK);
  compare("processes", ({ processes }) => processes, 0);
  compare("connections to the database", ({ connections }) => connections, 0);
  if (after.spills.length > before.spills.length) {
    leaks.push(`left in tmp/ of the data folder: ${after.spills.join(", ")}`);
  }
  return leaks;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
