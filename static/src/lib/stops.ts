import type videojs from "video.js";
import { clock } from "./panel";
import { play } from "./playing";
import { ask, Problem } from "./problem";
import type { Reply } from "./lease";

type VideoPlayer = ReturnType<typeof videojs>;

/** A question at which the video stops: without words until what is before it is confirmed. */
export interface Stop {
  place: number;
  at: number; // seconds
  reached: boolean;
  answered: boolean;
  tries: number;
  wait_s: number;
  text: string;
  options: string[];
  right: string | null;
  explanation: string | null;
}

interface Judged extends Partial<Pick<Reply, "unit" | "course">> {
  right: boolean;
  stop: Stop;
}

/** Who says what is asked, and whether a choice is right. */
export interface Source {
  stops(): Promise<Stop[]>;
  choose(stop: Stop, choice: number): Promise<Judged>;
}

/** The server: it says what is asked when it has confirmed the part before. */
class Server implements Source {
  constructor(readonly data: DOMStringMap) {}

  get #address(): string {
    const { enrolment = "", unit = "" } = this.data;
    return `/api/v1/enrolments/${enrolment}/units/${encodeURIComponent(unit)}/stops`;
  }

  async stops(): Promise<Stop[]> {
    return (await ask<{ stops: Stop[] }>("GET", this.#address)).stops;
  }

  choose(stop: Stop, choice: number): Promise<Judged> {
    return ask<Judged>("POST", `${this.#address}/${stop.place}`, { choice, tries: stop.tries });
  }
}

const LOOK_EVERY_MS = 1500;
const LOOKS = 20;
/** After a reload the video goes on a little behind the moment at which it stopped. */
const NEAR_S = 10;

/**
 * Where the video stops until a question is answered: by mouse, touch, keyboard or screen reader.
 * The server says when it is reached, what is asked, and whether a choice is right.
 *
 *   <section data-stop hidden role="dialog" tabindex="-1" …> <p data-stop-text> <div data-stop-options>
 *     <p data-stop-note role="status"> <p data-stop-why hidden> <button data-stop-go hidden> <p data-stop-help>
 *   <section data-stops hidden> <ul data-stops-list>           all of them, to be gone to
 */
export class Stops {
  readonly #box: HTMLElement;
  readonly #list: HTMLElement;
  #stops: Stop[] = [];
  #open: Stop | null = null;
  #busy = false;
  #last: number | null = null;
  /** Those that could not be shown: nobody is kept by what the network keeps back. */
  readonly #postponed = new Set<number>();

  constructor(
    readonly root: HTMLElement,
    readonly video: VideoPlayer,
    readonly word: (key: string, values?: Record<string, string | number>) => string,
    readonly beat: () => void,
    readonly told: (reply: Pick<Reply, "unit" | "course">) => void,
    readonly missing: (count: number) => void,
    readonly source: Source = new Server(root.dataset),
  ) {
    this.#box = root.querySelector("[data-stop]") as HTMLElement;
    this.#list = root.querySelector("[data-stops]") as HTMLElement;
    if (!this.#box) return;
    video.on("seeking", () => (this.#last = null));
    video.on("timeupdate", () => this.#look());
    video.on("play", () => this.#played());
    this.#at("go").addEventListener("click", () => this.#close());
  }

  /** What there is; asked again when the video is opened anew. */
  async refresh(): Promise<void> {
    if (!this.#box) return;
    try {
      this.#stops = await this.source.stops();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
    this.#draw();
    if (!this.video.paused()) this.#played(); // it began before this was known
  }

  #look(): void {
    if (this.video.seeking()) return;
    const now = this.video.currentTime() ?? 0;
    const before = this.#last ?? (now < 1 ? -1 : null);
    this.#last = now;
    if (this.video.paused()) return;
    // Just opened, or gone elsewhere: what was left unanswered right here is asked again.
    const stop = before === null ? this.#near(now) : this.#stops.find((each) => !each.answered && before < each.at && each.at <= now);
    if (stop) void this.#ask(stop);
  }

  #near(now: number): Stop | undefined {
    const waits = (each: Stop) => each.reached && !each.answered && !this.#postponed.has(each.place);
    return this.#stops.find((each) => waits(each) && each.at <= now && now - each.at < NEAR_S);
  }

  #played(): void {
    if (!this.#open) this.#box.hidden = true; // "later" was said, and it is played on
    if (this.#open && !this.#open.answered) {
      this.video.pause();
      this.#focus();
      return;
    }
    const stop = this.#near(this.video.currentTime() ?? 0);
    if (stop) void this.#ask(stop);
  }

  /** The video stands still until the server has confirmed what is before the question, and said it. */
  async #ask(stop: Stop): Promise<void> {
    if (this.#busy || this.#open) return;
    this.#busy = true;
    this.video.pause();
    if (this.video.isFullscreen()) void this.video.exitFullscreen();
    if (document.pictureInPictureElement) void document.exitPictureInPicture();
    try {
      for (let look = 0; look < LOOKS; look += 1) {
        this.beat();
        await this.#fetch();
        const found = this.#stops.find((each) => each.place === stop.place);
        if (!found || found.answered) return;
        if (found.reached) return this.#show(found);
        await pause(LOOK_EVERY_MS);
      }
      this.#later(stop);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#later(stop);
    } finally {
      this.#busy = false;
    }
  }

  async #fetch(): Promise<void> {
    this.#stops = await this.source.stops();
    this.#draw();
  }

  #show(stop: Stop): void {
    this.#open = stop;
    this.video.pause(); // it may have been played on while the server was asked
    this.#note("");
    this.#at("why").hidden = true;
    this.#at("go").hidden = true;
    this.#at("help").hidden = false;
    this.#fill(stop);
    this.#box.hidden = false;
    this.#focus();
  }

  #focus(): void {
    this.#box.focus({ preventScroll: true });
    this.#box.scrollIntoView({ block: "nearest" });
  }

  #fill(stop: Stop): void {
    this.#at("text").textContent = stop.text;
    const buttons = stop.options.map((option, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button prompt__option";
      button.textContent = option;
      button.addEventListener("click", () => void this.#choose(index));
      return button;
    });
    this.#at("options").replaceChildren(...buttons);
  }

  async #choose(choice: number): Promise<void> {
    const stop = this.#open;
    if (!stop || stop.answered || this.#busy) return;
    this.#wait(true);
    try {
      const judged = await this.source.choose(stop, choice);
      this.#stops = this.#stops.map((each) => (each.place === stop.place ? judged.stop : each));
      this.#open = judged.stop;
      this.#draw();
      if (judged.right) this.#right(judged);
      else await this.#wrong(judged.stop);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#note(error.status === 0 ? this.word("prompt_unreachable") : error.message);
      if (error.status === 429) await pause(3000);
      if (error.code === "stop-changed") {
        await this.refresh();
        const now = this.#stops.find((each) => each.place === stop.place);
        if (now) this.#show(now);
      }
    }
    this.#wait(false);
    if (this.#open && !this.#open.answered) this.#at("options").querySelector("button")?.focus();
  }

  #right(judged: Judged): void {
    this.#at("options").replaceChildren();
    this.#note(this.word("stop_right", { right: judged.stop.right ?? "" }));
    this.#at("why").textContent = judged.stop.explanation ?? "";
    this.#at("why").hidden = !judged.stop.explanation;
    this.#at("help").hidden = true;
    this.#at("go").hidden = false;
    this.#at("go").focus();
    if (judged.unit && judged.course) this.told({ unit: judged.unit, course: judged.course });
  }

  async #wrong(stop: Stop): Promise<void> {
    this.#note(this.word("prompt_wrong", { seconds: Math.ceil(stop.wait_s) }));
    await pause(stop.wait_s * 1000);
    this.#note(this.word("stop_again"));
    this.#fill(stop);
  }

  #wait(waiting: boolean): void {
    this.#busy = waiting;
    for (const button of this.#at("options").querySelectorAll("button"))
      button.setAttribute("aria-disabled", String(waiting));
  }

  #close(): void {
    this.#open = null;
    this.#box.hidden = true;
    play(this.video);
    (this.video.el() as HTMLElement).querySelector<HTMLElement>(".vjs-play-control")?.focus();
  }

  /** It may be played on: the question is in the list, and without it the video is not done. */
  #later(stop: Stop): void {
    this.#postponed.add(stop.place);
    this.#at("text").textContent = this.word("stop_later");
    this.#at("options").replaceChildren();
    this.#note("");
    this.#at("why").hidden = true;
    this.#at("help").hidden = true;
    this.#at("go").hidden = false;
    this.#box.hidden = false;
    this.#focus();
  }

  #draw(): void {
    this.missing(this.#stops.filter((each) => !each.answered).length);
    this.#list.hidden = this.#stops.length === 0;
    const items = this.#stops.map((stop) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button--small";
      button.textContent = `${clock(stop.at * 1000)} ${this.word(stop.answered ? "stop_done" : "stop_open")}`;
      button.addEventListener("click", () => this.#go(stop.place));
      item.append(button);
      return item;
    });
    this.#list.querySelector("[data-stops-list]")?.replaceChildren(...items);
  }

  /** From the list: one that is reached is asked at once, to others the video goes. */
  #go(place: number): void {
    const stop = this.#stops.find((each) => each.place === place);
    if (!stop) return;
    this.#postponed.delete(place);
    if (stop.reached && !stop.answered) return void this.#ask(stop);
    this.video.currentTime(Math.max(0, stop.at - 5));
    play(this.video);
  }

  #note(text: string): void {
    const note = this.#at("note");
    if (note.textContent !== text) note.textContent = text;
  }

  #at(name: string): HTMLElement {
    return this.#box.querySelector<HTMLElement>(`[data-stop-${name}]`)!;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
