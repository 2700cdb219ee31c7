// Remarks at moments of a video: `<button data-seek="ms" data-player="id">` goes there,
// `<button data-now="id" data-into="input">` takes the player's present moment.
import videojs from "video.js";
import { play } from "./lib/playing";

function format(seconds: number): string {
  const whole = Math.floor(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLButtonElement>("[data-seek], [data-now]");
  if (!button) return;
  const player = videojs.getPlayer(button.dataset.player ?? button.dataset.now ?? "");
  if (!player) return;
  if (button.dataset.now) {
    const into = document.getElementById(button.dataset.into!) as HTMLInputElement;
    into.value = format(player.currentTime() ?? 0);
    into.focus();
    return;
  }
  player.el().scrollIntoView({ block: "center" });
  const seek = () => player.currentTime(Number(button.dataset.seek) / 1000);
  if (player.readyState() >= 1) seek();
  else player.one("loadedmetadata", seek);
  play(player);
});
