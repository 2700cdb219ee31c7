// Preview players of authors and reviewers: `<video data-preview data-src="…m3u8">`.
import "./lib/no-dynamic-style";
import videojs from "video.js";
import chinese from "video.js/dist/lang/zh-CN.json";
import { type Asked, Previewed } from "./lib/previewed";
import { Stops } from "./lib/stops";
import { wordsOf } from "./lib/words";

videojs.addLanguage("zh-CN", chinese);
for (const video of document.querySelectorAll<HTMLVideoElement>("video[data-preview]")) {
  const player = videojs(video, {
    language: document.documentElement.lang,
    html5: { vhs: { overrideNative: true } },
  });
  if (video.title) player.el().setAttribute("aria-label", video.title); // of several, which
  player.src({ src: video.dataset.src!, type: "application/x-mpegURL" });
  // In a draft's preview it stops as it does for learners.
  const root = video.closest<HTMLElement>("[data-previewed]") ?? player.el().closest<HTMLElement>("[data-previewed]");
  const asked = root?.querySelector("[data-asked]")?.textContent;
  if (root && asked) {
    const source = new Previewed(JSON.parse(asked) as Asked[], () => player.currentTime() ?? 0);
    const nothing = () => {};
    void new Stops(root, player, wordsOf(root), nothing, nothing, nothing, source).refresh();
  }
  // Times named elsewhere on the page: `<button data-seek="12.5">`, in seconds (with data-player: moments.ts).
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-seek]:not([data-player])")) {
    button.addEventListener("click", () => {
      player.currentTime(Number(button.dataset.seek));
      player.el().scrollIntoView({ block: "nearest" });
    });
  }
}
