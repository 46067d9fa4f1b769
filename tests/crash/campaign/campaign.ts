import { CaseFailure, runCase } from "./case.ts";
import { Servers } from "./systems/system.ts";

export interface CampaignOptions {
  /** Of the first case; the others count up from it. */
  readonly seed: number;
  readonly cases: number;
  /** Only of these sources; all by default. */
  readonly sources?: readonly string[] | undefined;
  /** No case is begun after so long. */
  readonly limitMs: number;
  /** How many go on beside each other. */
  readonly atOnce: number;
  readonly onCase: (line: string) => void;
}

export interface CampaignReport {
  readonly cases: number;
  /** Attempts that were made to fail. */
  readonly failures: number;
  readonly wrong: readonly string[];
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { seed, cases, sources, limitMs, atOnce, onCase } = options;
  await using servers = new Servers();
  const untilMs = performance.now() + limitMs;
  const wrong: string[] = [];
  let [next, done, failures] = [0, 0, 0];
  const work = async () => {
    while (next < cases && performance.now() < untilMs) {
      const own = seed + next++;
      try {
        const report = await runCase(own, servers, sources);
        failures += report.failures;
        onCase(`seed ${own}: ${report.title}, ${report.failures} failures: right`);
      } catch (error) {
        const message = error instanceof CaseFailure ? error.message : `seed ${own}: ${inspect(error)}`;
        wrong.push(message);
        onCase(message);
      }
      done++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { cases: done, failures, wrong };
}

const inspect = (
  error: unknown,
): string => (error instanceof Error ? error.stack ?? error.message : String(error));
