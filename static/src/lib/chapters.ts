import { seekBar, type VideoPlayer } from "./extras";

/**
 * The author's chapter marks: `<ol data-chapters><li><button data-chapter="12.5">` in the page.
 * A click goes there, the bar shows where they are, and the one that plays is marked.
 */
export function chapters(root: HTMLElement, video: VideoPlayer): void {
  const buttons = [...root.querySelectorAll<HTMLButtonElement>("button[data-chapter]")];
  if (!buttons.length) return;
  const begins = buttons.map((button) => Number(button.dataset.chapter));
  buttons.forEach((button, place) =>
    button.addEventListener("click", () => {
      video.currentTime(begins[place]!);
      video.el().scrollIntoView({ block: "nearest" });
    }),
  );

  const marks = document.createElement("div");
  marks.className = "chapter-ticks";
  marks.setAttribute("aria-hidden", "true");
  const draw = () => {
    const length = video.duration() ?? 0;
    if (!length) return;
    marks.replaceChildren(
      ...begins
        .filter((at) => at > 0 && at < length)
        .map((at) => {
          const tick = document.createElement("span");
          tick.style.left = `${(at / length) * 100}%`;
          return tick;
        }),
    );
    seekBar(video)?.append(marks);
  };
  video.on("durationchange", draw);

  let current = -1;
  video.on("timeupdate", () => {
    const now = video.currentTime() ?? 0;
    const place = begins.filter((at) => at <= now + 0.05).length - 1;
    if (place === current) return;
    buttons[current]?.removeAttribute("aria-current");
    buttons[place]?.setAttribute("aria-current", "true");
    current = place;
  });
}

/** The title of what plays at `seconds`; "" before the first mark. */
export function chapterAt(root: HTMLElement, seconds: number): string {
  let title = "";
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-chapter]"))
    if (Number(button.dataset.chapter) <= seconds)
      title = button.querySelector("[data-chapter-title]")?.textContent ?? "";
  return title;
}
