/** Whether a server takes work: it is starting, it does, or it lets its runs end before it stops. */
export const SERVER_PHASES = ["starting", "ok", "draining"] as const;
export type ServerPhase = (typeof SERVER_PHASES)[number];
