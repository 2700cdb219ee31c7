import type { VideoPlayer } from "./extras";

const MOVE_EVERY_MS = 12_000;
/** Corners and edges of the picture's upper part, away from the controls; percent of its size. */
const PLACES = [[6, 10], [58, 12], [30, 34], [64, 52], [8, 56], [36, 16], [60, 30], [10, 34]] as const;

/**
 * A learner's masked name over the picture. It drifts (css/video.css; where motion is unwanted it
 * only changes its place), takes no clicks, says nothing to screen readers, and is put back when
 * it is taken out. It deters recordings; it can't prevent them.
 */
export function watermark(video: VideoPlayer, text: string): void {
  const mark = document.createElement("div");
  mark.className = "watermark";
  mark.setAttribute("aria-hidden", "true");
  mark.textContent = text;
  let place = Math.floor(Math.random() * PLACES.length);
  const move = () => {
    const [left, top] = PLACES[place % PLACES.length]!;
    mark.style.left = `${left}%`;
    mark.style.top = `${top}%`;
    if (mark.parentElement !== video.el()) video.el().append(mark);
    place += 3;
  };
  move();
  setInterval(move, MOVE_EVERY_MS);
}
