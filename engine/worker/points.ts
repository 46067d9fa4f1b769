/**
 * Named points at which a test has the process die as by `kill -9`, so that each gap between two
 * commits is tried and not left to chance. A job names one (`dieAt`), and only tests write such jobs.
 */
export interface Points {
  /** Ends the process where the job's `dieAt` is `<step> <point>`, as `load:daily→lake after stage`. */
  reach(step: string, point: Point): void;
}

export type Point =
  | "after read"
  | "before checkpoint"
  | "after checkpoint"
  | "after note"
  | "after claim"
  | "while staging"
  | "after stage"
  | "after apply"
  | "before commit"
  | "after commit";

export function pointsOf(dieAt: string | undefined): Points {
  return { reach: (step, point) => void (`${step} ${point}` === dieAt && die()) };
}

const SIGKILL = 9;
const C_LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1", "libSystem.B.dylib"];

/** A run's process may start and signal no other, so it asks the C library; nothing is cleaned up. */
function die(): never {
  for (const library of C_LIBRARIES) {
    try {
      const { symbols } = Deno.dlopen(library, { raise: { parameters: ["i32"], result: "i32" } });
      symbols.raise(SIGKILL);
    } catch {
      // Another system's name.
    }
  }
  throw new Error("This system has no raise(3) that is known here");
}
