import { remember, remembered, type VideoPlayer } from "./extras";
import { play } from "./playing";

const STEP_S = 5;
const LEAP_S = 10;
/** What is typed into, or has its own use for keys. */
const TYPED_INTO =
  "input:not([type=button]):not([type=submit]), textarea, select, [contenteditable], dialog[open], " +
  "[role=dialog], [role=alertdialog], [role=menu], [role=menuitemradio], [role=slider]";
const PRESSED = "button, a[href], summary, [role=button]";

/**
 * Keys for the video, wherever one is on the page. They never take what is typed into fields,
 * menus and dialogs, leave space, enter and the arrows to buttons and links, and can be switched
 * off in their own help (WCAG 2.1.4). Keys with Ctrl, Alt or Meta are the browser's.
 */
export function keys(root: HTMLElement, video: VideoPlayer): void {
  const help = document.getElementById("player-keys");
  const wanted = help?.querySelector<HTMLInputElement>("[data-keys-on]");
  let on = remembered("keys") !== "off";
  if (wanted) {
    wanted.checked = on;
    wanted.addEventListener("change", () => {
      on = wanted.checked;
      remember("keys", on ? "on" : "off");
    });
  }
  const pressed = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(TYPED_INTO) || document.querySelector("dialog[open]")) return;
    const moves = /^(?: |Enter|Arrow.*)$/.test(event.key);
    if (moves && target?.closest(PRESSED)) return;
    if (!on) return;
    const act = acts(video, help)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
    root.dataset.lastKey = event.key;
  };
  // Before the player's own controls, which keep the keys from whoever listens above them.
  document.addEventListener("keydown", pressed, true);
}

function acts(video: VideoPlayer, help: HTMLElement | null): Record<string, () => void> {
  const toggle = () => (video.paused() ? play(video) : void video.pause());
  const go = (by: number) => () =>
    video.currentTime(Math.min(video.duration() ?? 0, Math.max(0, (video.currentTime() ?? 0) + by)));
  return {
    " ": toggle,
    k: toggle,
    ArrowLeft: go(-STEP_S),
    ArrowRight: go(STEP_S),
    j: go(-LEAP_S),
    l: go(LEAP_S),
    m: () => video.muted(!video.muted()),
    f: () => void (video.isFullscreen() ? video.exitFullscreen() : video.requestFullscreen()),
    c: () => captions(video),
    "<": () => speed(video, -1),
    ">": () => speed(video, 1),
    "?": () => {
      if (video.isFullscreen()) void video.exitFullscreen();
      if (help instanceof HTMLDialogElement) help.showModal();
    },
  };
}

/** Captions off, or on: those that were shown last, else the first there are. */
function captions(video: VideoPlayer): void {
  const all = Array.from(video.textTracks() as unknown as ArrayLike<TextTrack>).filter(
    (track) => track.kind === "captions" || track.kind === "subtitles",
  );
  const shown = all.find((track) => track.mode === "showing");
  if (shown) {
    shown.mode = "disabled";
    remember("captions", shown.language);
  } else {
    const track = all.find((each) => each.language === remembered("captions")) ?? all[0];
    if (track) track.mode = "showing";
  }
}

function speed(video: VideoPlayer, by: number): void {
  const rates = video.playbackRates();
  const now = rates.indexOf(video.playbackRate() ?? 1);
  const next = rates[(now < 0 ? rates.indexOf(1) : now) + by];
  if (next !== undefined) video.playbackRate(next);
}
