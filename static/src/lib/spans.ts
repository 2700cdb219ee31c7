/** Sets of media time: half-open [start, end) in whole milliseconds, sorted, apart, none empty. */

export type Span = readonly [number, number];
export type Spans = readonly Span[];

/** The set that `pairs` cover; empty and reversed pairs vanish. */
export function normalise(pairs: Iterable<Span>): Spans {
  const ordered = [...pairs].filter(([start, end]) => start < end).sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [start, end] of ordered) {
    const last = merged[merged.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

export function union(a: Spans, b: Spans): Spans {
  return normalise([...a, ...b]);
}

/** What is in `a` and not in `b`. */
export function subtract(a: Spans, b: Spans): Spans {
  const left: Span[] = [];
  for (const [first, end] of a) {
    let start = first;
    for (const [from, to] of b) {
      if (to <= start) continue;
      if (from >= end) break;
      if (from > start) left.push([start, from]);
      start = Math.max(start, to);
    }
    if (start < end) left.push([start, end]);
  }
  return left;
}

/** How many milliseconds `spans` hold. */
export function total(spans: Spans): number {
  return spans.reduce((sum, [start, end]) => sum + end - start, 0);
}

export function includes(spans: Spans, at: number): boolean {
  return spans.some(([start, end]) => start <= at && at < end);
}

/** Float seconds, as the interface carries them. */
export function toSeconds(spans: Spans): [number, number][] {
  return spans.map(([start, end]) => [start / 1000, end / 1000]);
}

export function fromSeconds(pairs: readonly (readonly [number, number])[]): Spans {
  return normalise(
    pairs.map(([start, end]): Span => [Math.round(start * 1000), Math.round(end * 1000)]),
  );
}
