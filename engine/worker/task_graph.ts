/** One piece of work, and what has to be done before it. */
export interface Task {
  readonly name: string;
  /** Names of tasks; those that are not in the graph count as done. */
  readonly depends: readonly string[];
  /** What it takes a place of while it runs, as the name of a connector. */
  readonly uses: readonly string[];
}

export interface TaskGraphOptions<T extends Task> {
  /** The most tasks at a time. */
  readonly limit: number;
  /** The most tasks at a time that use the same thing. */
  readonly limitOf: (used: string) => number;
  /** From its abort on no task begins. */
  readonly signal: AbortSignal;
  /**
   * Another task of the graph, which depends on this one alone, that may take part in it: where there
   * are places for both as it begins, `run` is told so, and the other begins as soon as it is done, in
   * places that nobody had in between.
   */
  readonly partnerOf?: (task: T) => T | undefined;
  /** Does the task; resolves to whether those that depend on it may begin. Must not throw. */
  readonly run: (task: T, partner: T | undefined) => Promise<boolean>;
  /** Called instead of `run` for a task that depends, at any distance, on one that was not done. */
  readonly skip: (task: T, because: readonly string[]) => void;
}

/**
 * Runs the tasks side by side, each as soon as what it depends on is done; where more are ready than
 * may run, those that stand first in the list go first, so that with a limit of 1 the list's own
 * order is kept. A failure stops what depends on it alone. Resolves when nothing runs any more, also
 * after an abort. Tasks that depend on each other in a circle are never begun.
 */
export async function runTaskGraph<T extends Task>(
  tasks: readonly T[],
  options: TaskGraphOptions<T>,
): Promise<void> {
  const { limit, limitOf, signal, run, skip, partnerOf = () => undefined } = options;
  const names = new Set(tasks.map(({ name }) => name));
  const done = new Set<string>();
  const broken = new Set<string>();
  const running = new Set<Promise<void>>();
  const uses = new Map<string, number>();
  let waiting = [...tasks];

  const isReady = (task: T) => task.depends.every((name) => done.has(name) || !names.has(name));
  const hasPlaces = (wanted: readonly string[]) =>
    wanted.every((used) =>
      (uses.get(used) ?? 0) + wanted.filter((other) => other === used).length <= limitOf(used)
    );
  const count = (task: T, by: number) => {
    for (const used of task.uses) uses.set(used, (uses.get(used) ?? 0) + by);
  };
  const begin = (task: T) => {
    const possible = partnerOf(task);
    const partner = possible !== undefined && hasPlaces([...task.uses, ...possible.uses])
      ? possible
      : undefined;
    count(task, 1);
    if (partner !== undefined) count(partner, 1);
    const work = run(task, partner).then((succeeded) => {
      (succeeded ? done : broken).add(task.name);
      count(task, -1);
      running.delete(work);
      if (partner === undefined) return;
      count(partner, -1);
      if (!succeeded || signal.aborted) return;
      waiting = waiting.filter((other) => other !== partner);
      begin(partner);
    });
    running.add(work);
  };

  for (;;) {
    const left: T[] = [];
    for (const task of waiting) {
      const because = task.depends.filter((name) => broken.has(name));
      if (signal.aborted) break;
      if (because.length > 0) {
        broken.add(task.name);
        skip(task, because);
      } else if (running.size < limit && isReady(task) && hasPlaces(task.uses)) {
        begin(task);
      } else {
        left.push(task);
      }
    }
    // A task further up in the list may depend on one that was skipped further down.
    if (
      left.length < waiting.length && left.some(({ depends }) => depends.some((name) => broken.has(name)))
    ) {
      waiting = left;
      continue;
    }
    waiting = left;
    if (running.size === 0) return;
    await Promise.race(running);
  }
}
