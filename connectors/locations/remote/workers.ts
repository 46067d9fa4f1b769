/**
 * Does work several times side by side. Where one fails the others are told by their signal, and what the first one
 * failed with is thrown when all have ended: nothing goes on behind it.
 */
export async function runWorkers(
  count: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const during = AbortSignal.any([signal, stop.signal]);
  const failures: unknown[] = [];
  const worker = async () => {
    try {
      await work(during);
    } catch (error) {
      failures.push(error);
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: count }, worker));
  if (failures.length > 0) throw failures[0];
}
