// What is left of an attempt's time, by the server's clock: the server says how much is left, and
// this page counts down from there on a clock that nobody can set (performance.now). It asks
// again after every sleep, as that clock may stand still meanwhile.
//
//   [data-countdown]           shows the time left
//   [data-countdown-announce]  a live region
//   data-minutes-text, data-last-text, data-over-text: its words

const MINUTE = 60_000;

export class Countdown {
  readonly #root: HTMLElement;
  readonly #onEnd: () => void;
  #end: number;
  #said = Infinity;
  #timer: number | undefined;

  constructor(root: HTMLElement, remainingMs: number, since: number, onEnd: () => void) {
    this.#root = root;
    this.#onEnd = onEnd;
    this.#end = since + remainingMs;
    for (const mark of [5, 1]) if (remainingMs <= mark * MINUTE) this.#said = mark;
    this.#tick();
    this.#timer = window.setInterval(() => this.#tick(), 500);
  }

  /** The server said how much is left, to a question asked at `since`. */
  set(remainingMs: number, since: number): void {
    this.#end = since + remainingMs;
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const left = Math.max(0, this.#end - performance.now());
    const text = this.#root.querySelector<HTMLElement>("[data-countdown]");
    const seconds = Math.ceil(left / 1000);
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    if (parts[0] === 0) parts.shift();
    const shown = parts.map((part, place) => (place ? String(part).padStart(2, "0") : String(part))).join(":");
    if (text && text.textContent !== shown) text.textContent = shown;
    text?.classList.toggle("is-short", left <= 5 * MINUTE);
    for (const mark of [5, 1]) {
      if (left <= mark * MINUTE && left > 0 && this.#said > mark) {
        this.#said = mark;
        this.#announce(mark === 1 ? "last" : "minutes");
      }
    }
    if (left > 0) return;
    this.stop();
    this.#announce("over");
    this.#onEnd();
  }

  #announce(name: string): void {
    const region = this.#root.querySelector("[data-countdown-announce]");
    if (region) region.textContent = this.#root.dataset[`${name}Text`] ?? "";
  }
}
