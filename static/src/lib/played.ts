import { type Span, type Spans, union } from "./spans";

/**
 * Which parts of the media really played, told by the position moving forward while playing.
 *
 * A jump is never counted: between two looks the position may have moved no further than the
 * time that passed allows. What the server credits it decides by its own clock; being strict
 * here keeps an honest report honest.
 */
export class Played {
  /** Slack for a timer that comes late, ms of media time. */
  static readonly slackMs = 700;

  spans: Spans = [];
  #from: number | null = null;
  #last = 0;
  #seenAt = 0;

  /** The player stands at `positionMs` and plays from here. */
  start(positionMs: number, atMs: number): void {
    this.#from = this.#last = positionMs;
    this.#seenAt = atMs;
  }

  /** Look again while playing: extend the running span, or begin another after a jump. */
  look(positionMs: number, atMs: number, rate = 1): void {
    if (this.#from === null) return this.start(positionMs, atMs);
    const moved = positionMs - this.#last;
    const possible = (atMs - this.#seenAt) * rate + Played.slackMs;
    if (moved < 0 || moved > possible) {
      this.#keep();
      return this.start(positionMs, atMs);
    }
    this.#last = positionMs;
    this.#seenAt = atMs;
    this.#keep();
  }

  /** Playing has stopped, or jumps: what was seen before stays, nothing is added. */
  stop(): void {
    this.#keep();
    this.#from = null;
  }

  #keep(): void {
    if (this.#from === null || this.#last <= this.#from) return;
    const span: Span = [Math.floor(this.#from), Math.floor(this.#last)];
    this.spans = union(this.spans, [span]);
  }
}
