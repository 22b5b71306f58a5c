// Work that may be more than a frame has time for: a little of it is done in each.

/** Of a frame's 16 ms, this much; the rest is for layout, and for whoever types meanwhile. */
const BUDGET_MS = 8;

/** A page that is not shown has no frames; its work goes on nevertheless. */
const WITHOUT_FRAMES_MS = 250;

const waiting: (() => void)[] = [];
let spentMs = 0;
let scheduled = false;

/**
 * Does a job now, if this frame has time left; else in a later one. Of those that wait, the newest is the first: it is
 * what a chat shows at its end.
 */
export function doSoon(job: () => void): void {
  if (spentMs < BUDGET_MS) run(job);
  else waiting.push(job);
  schedule();
}

function run(job: () => void): void {
  const begin = performance.now();
  job();
  spentMs += performance.now() - begin;
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  let done = false;
  const next = (): void => {
    if (done) return;
    done = true;
    scheduled = false;
    spentMs = 0;
    for (let job = waiting.pop(); job; job = spentMs < BUDGET_MS ? waiting.pop() : undefined) run(job);
    if (waiting.length > 0) schedule();
  };
  requestAnimationFrame(next);
  setTimeout(next, WITHOUT_FRAMES_MS);
}
