import type { Source, Stop } from "./stops";

/** A stop as its author may see it, with the place of the right option. */
export interface Asked {
  place: number;
  at: number; // seconds
  text: string;
  options: string[];
  right: number;
  explanation: string;
}

const WAIT_S = 1;

/** Stops for an author's preview: judged in the page, nothing is kept anywhere. */
export class Previewed implements Source {
  readonly #stops: Stop[];

  constructor(
    readonly asked: Asked[],
    readonly now: () => number,
  ) {
    this.#stops = asked.map((each) => ({
      place: each.place, at: each.at, reached: false, answered: false, tries: 0, wait_s: 0,
      text: each.text, options: mixed(each.options), right: null, explanation: null,
    }));
  }

  async stops(): Promise<Stop[]> {
    for (const stop of this.#stops) stop.reached ||= stop.at <= this.now() + 0.5;
    return this.#stops;
  }

  async choose(stop: Stop, choice: number): Promise<{ right: boolean; stop: Stop }> {
    const asked = this.asked.find((each) => each.place === stop.place)!;
    const right = stop.options[choice] === asked.options[asked.right];
    if (right) Object.assign(stop, { answered: true, right: stop.options[choice], explanation: asked.explanation || null });
    else Object.assign(stop, { tries: stop.tries + 1, wait_s: WAIT_S, options: mixed(asked.options) });
    return { right, stop };
  }
}

/** In another order, as learners get them. */
function mixed(options: string[]): string[] {
  return options
    .map((option) => ({ option, by: Math.random() }))
    .sort((a, b) => a.by - b.by)
    .map((each) => each.option);
}
