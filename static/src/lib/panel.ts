import { includes, type Spans, subtract, total } from "./spans";
import type { Reply } from "./lease";
import { type Word, wordsOf } from "./words";

/** 4:05 or 1:02:03, as the pages write media time. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hour, minute, second] = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    String(seconds % 60).padStart(2, "0"),
  ];
  return hour ? `${hour}:${String(minute).padStart(2, "0")}:${second}` : `${minute}:${second}`;
}

const SVG = "http://www.w3.org/2000/svg";

/** The learner's account beside the video: confirmed, on its way, missing, and why. */
export class Panel {
  readonly word: Word;
  #drawn = "";
  /** How many questions at which the video stops are not answered yet. */
  stopsMissing = 0;

  constructor(readonly root: HTMLElement) {
    this.word = wordsOf(root);
  }

  times(confirmedMs: number, pendingMs: number, neededMs: number): void {
    this.#text("[data-confirmed]", clock(confirmedMs));
    this.#text("[data-pending]", clock(pendingMs));
    const missing = Math.max(0, neededMs - confirmedMs);
    const rest = this.stopsMissing ? this.word("stops_rest", { n: this.stopsMissing }) : this.word("done");
    this.#text("[data-missing]", missing ? clock(Math.ceil(missing / 1000) * 1000) : rest);
  }

  bar(confirmed: Spans, pending: Spans, positionMs: number, durationMs: number): void {
    const svg = this.root.querySelector("svg[data-coverage]");
    if (!svg || !durationMs) return;
    const now: Spans = [[positionMs, positionMs + durationMs / 400]];
    const key = JSON.stringify([confirmed, pending, Math.round(positionMs / 1000)]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const rects = [
      ...this.#rects(confirmed, durationMs, ""),
      ...this.#rects(subtract(pending, confirmed), durationMs, "coverage__pending"),
      ...this.#rects(now, durationMs, "coverage__now"),
    ];
    svg.replaceChildren(...rects);
    const percent = Math.floor((total(confirmed) * 100) / durationMs);
    svg.setAttribute("aria-label", this.word("coverage", { percent }));
  }

  #rects(spans: Spans, durationMs: number, name: string): Element[] {
    return spans.map(([start, end]) => {
      const rect = document.createElementNS(SVG, "rect");
      rect.setAttribute("x", ((start * 1000) / durationMs).toFixed(2));
      rect.setAttribute("width", (((end - start) * 1000) / durationMs).toFixed(2));
      rect.setAttribute("y", "0");
      rect.setAttribute("height", "10");
      if (name) rect.setAttribute("class", name);
      return rect;
    });
  }

  /** Say something that matters now; an empty text takes it away. */
  say(text: string, kind: "info" | "success" | "warning" | "error" = "warning", action = ""): void {
    const box = this.root.querySelector<HTMLElement>("[data-message]");
    if (!box) return;
    box.hidden = !text;
    box.className = `alert alert--${kind}`;
    const target = box.querySelector("[data-message-text]");
    // Only what changed: a screen reader reads this aloud.
    if (target && target.textContent !== text) target.textContent = text;
    for (const each of box.querySelectorAll<HTMLElement>("[data-action]"))
      each.hidden = each.dataset.action !== action;
  }

  /** The unit's and the course's state, as the server just said. */
  state(reply: Pick<Reply, "unit" | "course">): void {
    this.#outline(reply);
    if (!reply.course.complete) return;
    const award = reply.course.award;
    this.#text(
      "[data-award-text]",
      award ? this.word("awarded", { hours: award.hours }) : this.word("completed"),
    );
    this.#show("[data-course-complete]");
    this.#hide("[data-unit-complete]");
  }

  #outline(reply: Pick<Reply, "unit">): void {
    const key = CSS.escape(this.root.dataset.unit ?? "");
    const item = document.querySelector(`[data-outline-unit="${key}"]`);
    const state = item?.querySelector("[data-unit-state]");
    const missing = Math.max(0, reply.unit.needed_ms - reply.unit.confirmed_ms);
    const text = reply.unit.done
      ? this.word("unit_done")
      : missing > 0 || !this.stopsMissing
        ? this.word("unit_missing", { time: clock(missing + 999) })
        : this.word("stops_missing", { n: this.stopsMissing });
    if (state && state.textContent !== text) state.textContent = text;
    if (!reply.unit.done) return;
    item?.querySelector(".outline__unit")?.classList.add("is-done");
    this.#show("[data-unit-complete]");
  }

  #text(selector: string, text: string): void {
    const target = this.root.querySelector(selector);
    if (target && target.textContent !== text) target.textContent = text;
  }

  #show(selector: string): void {
    const target = this.root.querySelector<HTMLElement>(selector);
    if (target) target.hidden = false;
  }

  #hide(selector: string): void {
    const target = this.root.querySelector<HTMLElement>(selector);
    if (target) target.hidden = true;
  }
}

/** May this position be played faster? Only what is confirmed already. */
export function mayHurry(confirmed: Spans, positionMs: number): boolean {
  return includes(confirmed, positionMs) && includes(confirmed, positionMs + 1000);
}
