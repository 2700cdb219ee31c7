// Preview players of authors and reviewers: `<video data-preview data-src="…m3u8">`.
import "./lib/no-dynamic-style";
import videojs from "video.js";
import chinese from "video.js/dist/lang/zh-CN.json";

videojs.addLanguage("zh-CN", chinese);
for (const video of document.querySelectorAll<HTMLVideoElement>("video[data-preview]")) {
  const player = videojs(video, {
    language: document.documentElement.lang,
    html5: { vhs: { overrideNative: true } },
  });
  player.src({ src: video.dataset.src!, type: "application/x-mpegURL" });
}
