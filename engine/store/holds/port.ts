/**
 * Pipelines that are held still: no run of theirs is claimed while they are, and runs under way go on. Each hold
 * ends by itself, so that a holder that has died frees them.
 */
export interface HoldStore {
  /** Takes or renews it; false where another holder has it. */
  hold(pipeline: string, holder: string, nowMs: number, untilMs: number): Promise<boolean>;
  /** All that this one has. */
  release(holder: string): Promise<void>;
  /** Whether any pipeline is held now. */
  isAnyHeld(nowMs: number): Promise<boolean>;
}
