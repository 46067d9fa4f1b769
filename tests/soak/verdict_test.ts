import { deepEqual, equal } from "node:assert/strict";
import { growthOf, leaksOf, type Still } from "./verdict.ts";

const MB = 1e6;
const still: Still = {
  atMs: 0,
  rssBytes: 150 * MB,
  openFiles: 40,
  sockets: 11,
  processes: 0,
  connections: 1,
  spills: [],
};
const samplesOf = (megabytes: readonly number[]) =>
  megabytes.map((size, index) => ({ ...still, atMs: index * 1_000, rssBytes: size * MB }));
/** Goes up and down, as a heap does. */
const FLAT = [150, 170, 190, 160, 180, 150, 170, 190, 160];

Deno.test("a server that is as large at the end as it was, and holds no more, has no leaks", () => {
  deepEqual(leaksOf({ samples: samplesOf(FLAT), before: still, after: { ...still, openFiles: 43 } }), []);
  equal(growthOf(samplesOf([100, 200, 100, 0, 0, 0, 110, 110, 500])).rssGrowth.toFixed(3), "0.100");
});

Deno.test("each kind of leak is found, and told with its figures", () => {
  const grown = samplesOf(FLAT.map((size, index) => size + index * 10));
  deepEqual(leaksOf({ samples: grown, before: still, after: still }), [
    "the server grew by 33.3 %, from 180 MB to 240 MB: at most 10 % were expected",
  ]);
  const samples = samplesOf(FLAT);
  const found = (change: Partial<Still>) =>
    leaksOf({ samples, before: still, after: { ...still, ...change } });
  deepEqual(found({ openFiles: 45 }), ["45 open files while nothing went on, 40 before"]);
  deepEqual(found({ sockets: 16 }), ["16 sockets while nothing went on, 11 before"]);
  deepEqual(found({ processes: 1 }), ["1 processes while nothing went on, 0 before"]);
  deepEqual(found({ connections: 2 }), ["2 connections to the database while nothing went on, 1 before"]);
  deepEqual(found({ spills: ["run-1"] }), ["left in tmp/ of the data folder: run-1"]);
  equal(
    leaksOf({ samples: [], before: still, after: still }).length,
    1,
    "nothing measured is nothing proved",
  );
});
