import { chapterAt } from "./chapters";
import { seekBar, type VideoPlayer } from "./extras";
import { clock } from "./panel";

interface Picture {
  from: number;
  until: number;
  sheet: string;
  place: [number, number, number, number]; // x, y, width, height in its sheet
}

const CUE = /([\d:.]+) --> ([\d:.]+)\n(\S+?)#xywh=(\d+),(\d+),(\d+),(\d+)/g;

function seconds(text: string): number {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** What `thumbnails.vtt` says (see media/packaging.py): which part of which sheet shows when. */
export function readPictures(text: string, address: string): Picture[] {
  return [...text.matchAll(CUE)].map(([, from, until, name, ...place]) => ({
    from: seconds(from!),
    until: seconds(until!),
    sheet: address.replace(/[^/]*$/, name!),
    place: place.map(Number) as Picture["place"],
  }));
}

/** A small picture of the moment under the pointer, above the bar. Fetched when it is first asked for. */
export class Hover {
  #address: string | null = null;
  #pictures: Picture[] | null = null;
  #asking = false;
  readonly #box = document.createElement("div");
  readonly #picture = document.createElement("div");
  readonly #text = document.createElement("div");

  constructor(
    readonly root: HTMLElement,
    readonly video: VideoPlayer,
  ) {
    this.#box.className = "hover-preview";
    this.#box.hidden = true;
    this.#box.setAttribute("aria-hidden", "true");
    this.#picture.className = "hover-preview__picture";
    this.#text.className = "hover-preview__text";
    this.#box.append(this.#picture, this.#text);
    video.ready(() => {
      const bar = seekBar(video)?.parentElement;
      bar?.append(this.#box);
      bar?.addEventListener("pointermove", (event) => this.#show(event));
      bar?.addEventListener("pointerleave", () => (this.#box.hidden = true));
    });
  }

  /** Where the pictures are; addresses belong to one playback, so each opening tells anew. */
  use(address: string | null): void {
    this.#address = address;
    this.#pictures = null;
  }

  async #ask(): Promise<void> {
    if (this.#asking || !this.#address || this.#pictures) return;
    this.#asking = true;
    try {
      const address = this.#address;
      const answer = await fetch(address);
      this.#pictures = answer.ok ? readPictures(await answer.text(), address) : [];
    } catch {
      // No network: the next movement asks again.
    } finally {
      this.#asking = false;
    }
  }

  #show(event: PointerEvent): void {
    const bar = seekBar(this.video)?.getBoundingClientRect();
    const length = this.video.duration() ?? 0;
    if (!bar?.width || !length) return;
    if (!this.#pictures && !this.#asking)
      void this.#ask().then(() => {
        if (this.#pictures && !this.#box.hidden) this.#show(event);
      });
    const part = Math.min(1, Math.max(0, (event.clientX - bar.left) / bar.width));
    const at = part * length;
    const found = this.#pictures?.find((each) => each.from <= at && at < each.until);
    this.#picture.hidden = !found;
    if (found) {
      const [x, y, width, height] = found.place;
      Object.assign(this.#picture.style, {
        width: `${width}px`,
        height: `${height}px`,
        backgroundImage: `url("${found.sheet}")`,
        backgroundPosition: `-${x}px -${y}px`,
      });
    }
    this.#text.textContent = [clock(at * 1000), chapterAt(this.root, at)].filter(Boolean).join(" ");
    this.#box.hidden = false;
    const around = this.#box.parentElement!.getBoundingClientRect();
    const half = this.#box.offsetWidth / 2;
    const stage = this.video.el().getBoundingClientRect();
    const middle = Math.min(stage.right - half, Math.max(stage.left + half, event.clientX));
    this.#box.style.left = `${middle - around.left - half}px`;
  }
}
