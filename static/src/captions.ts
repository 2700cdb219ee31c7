/**
 * Beside the player: the language of captions that was chosen is remembered, and the words of the
 * video follow it, are searched and lead to their moment.
 *
 *   <section data-transcript>
 *     <select data-language><option value="en" data-lines="/…/transcript">     if there are several
 *     <input data-search data-found="{n}" data-none="…"> <p data-count>
 *     <ol data-lines><li><button data-start="1200" data-end="3400"><time>0:01</time> <span>words</span>
 */
import videojs from "video.js";

const CHOSEN = "zhixin-captions"; // the language, or "" for none

type VideoPlayer = ReturnType<typeof videojs>;
interface Track { kind: string; language: string; mode: string }

const kept = (): string => {
  try {
    return localStorage.getItem(CHOSEN) ?? "";
  } catch {
    return "";
  }
};

/** Tracks of the player that hold captions; chapters and the like are none. */
const tracks = (player: VideoPlayer): Track[] =>
  Array.from(player.textTracks() as unknown as ArrayLike<Track>).filter((each) => each.kind === "captions");

function remember(player: VideoPlayer): void {
  const chosen = kept();
  for (const each of tracks(player)) each.mode = each.language === chosen ? "showing" : "disabled";
  const list = player.textTracks() as unknown as EventTarget;
  list.addEventListener("change", () => {
    const shown = tracks(player).find((each) => each.mode === "showing");
    try {
      localStorage.setItem(CHOSEN, shown?.language ?? "");
    } catch {
      // A browser that keeps nothing: chosen anew on the next page.
    }
  });
}

class Transcript {
  readonly #lines: HTMLOListElement;
  readonly #search: HTMLInputElement;
  readonly #count: HTMLElement;
  #buttons: HTMLButtonElement[] = [];
  #current: HTMLButtonElement | null = null;

  constructor(readonly root: HTMLElement, readonly player: VideoPlayer) {
    this.#lines = root.querySelector("ol[data-lines]") as HTMLOListElement;
    this.#search = root.querySelector("[data-search]") as HTMLInputElement;
    this.#count = root.querySelector("[data-count]") as HTMLElement;
    this.#take();
    this.#lines.addEventListener("click", (event) => {
      const button = (event.target as Element).closest("button");
      if (button) this.#go(button);
    });
    this.#lines.addEventListener("keydown", (event) => this.#move(event));
    this.#search.addEventListener("input", () => this.#find());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.#shown()[0]?.focus();
      }
    });
    const language = root.querySelector<HTMLSelectElement>("[data-language]");
    language?.addEventListener("change", () => void this.#other(language));
    player.on("timeupdate", () => this.#follow());
    player.on("seeked", () => this.#follow());
  }

  #take(): void {
    this.#buttons = Array.from(this.#lines.querySelectorAll("button"));
    this.#current = null;
    // One stop of the Tab key for thousands of lines; arrows move within.
    this.#buttons.forEach((button, at) => (button.tabIndex = at === 0 ? 0 : -1));
    this.#find();
  }

  async #other(language: HTMLSelectElement): Promise<void> {
    const option = language.selectedOptions[0]!;
    const answer = await fetch(option.dataset.lines!, { credentials: "same-origin" });
    if (!answer.ok) return;
    this.#lines.innerHTML = await answer.text();
    this.#lines.lang = option.value;
    this.#take();
    this.#follow();
  }

  #go(button: HTMLButtonElement): void {
    const seek = () => this.player.currentTime(Number(button.dataset.start) / 1000);
    if (this.player.readyState() >= 1) seek();
    else this.player.one("loadedmetadata", seek);
    this.#rove(button);
  }

  #shown(): HTMLButtonElement[] {
    return this.#buttons.filter((each) => !(each.parentElement as HTMLElement).hidden);
  }

  #move(event: KeyboardEvent): void {
    const shown = this.#shown();
    const at = shown.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const button = shown[Math.max(0, Math.min(to, shown.length - 1))]!;
    this.#rove(button);
    button.focus();
  }

  #rove(button: HTMLButtonElement): void {
    for (const each of this.#buttons) if (each.tabIndex === 0) each.tabIndex = -1;
    button.tabIndex = 0;
  }

  #find(): void {
    const wanted = this.#search.value.trim().toLowerCase();
    let found = 0;
    for (const button of this.#buttons) {
      const words = button.querySelector("span") as HTMLElement;
      const text = words.textContent ?? "";
      const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
      (button.parentElement as HTMLElement).hidden = wanted !== "" && at < 0;
      if (at < 0) {
        if (words.firstElementChild) words.textContent = text;
        continue;
      }
      found += 1;
      const mark = document.createElement("mark");
      mark.textContent = text.slice(at, at + wanted.length);
      words.replaceChildren(text.slice(0, at), mark, text.slice(at + wanted.length));
    }
    const shown = this.#shown();
    if (shown[0] && !shown.some((each) => each.tabIndex === 0)) this.#rove(shown[0]);
    const { found: some = "", none = "" } = this.#search.dataset;
    this.#count.textContent = wanted ? (found ? some.replace("{n}", String(found)) : none) : "";
  }

  #follow(): void {
    const at = (this.player.currentTime() ?? 0) * 1000;
    const now = this.#buttons.find((each) => Number(each.dataset.start) <= at && at < Number(each.dataset.end)) ?? null;
    if (now === this.#current) return;
    this.#current?.removeAttribute("aria-current");
    now?.setAttribute("aria-current", "true");
    this.#current = now;
    // Who is reading or searching in it is not carried away.
    if (!now || this.root.contains(document.activeElement) || this.#lines.matches(":hover")) return;
    const middle = now.offsetTop - this.#lines.clientHeight / 2;
    this.#lines.scrollTop = Math.max(0, middle);
  }
}

const player = videojs.getAllPlayers()[0];
if (player) {
  player.ready(() => remember(player));
  for (const root of document.querySelectorAll<HTMLElement>("[data-transcript]")) new Transcript(root, player);
}
